//! [`is_soft_404`]: pages that say they were not found although the server said 200.

/// Most characters of text that such a page has: a sentence, a menu and a footer. An article about
/// missing pages is longer.
const MAX_TEXT_CHARS: usize = 1_500;

/// Most characters of a title or heading that are looked at.
const MAX_SAYING_CHARS: usize = 256;

/// What a whole part of a title says on such a page and nowhere else.
const WHOLE: [&str; 19] = [
    "404",
    "error 404",
    "404 error",
    "http 404",
    "not found",
    "nicht gefunden",
    "404 nicht gefunden",
    "introuvable",
    "non trouvé",
    "erreur 404",
    "no encontrado",
    "no encontrada",
    "error 404 no encontrado",
    "non trovato",
    "não encontrado",
    "não encontrada",
    "erro 404",
    "niet gevonden",
    "не найдено",
];

/// What is said anywhere in a title or heading. The words stand next to each other.
const PHRASES: [&str; 57] = [
    "404 not found",
    "page not found",
    "page cannot be found",
    "page can not be found",
    "page can t be found",
    "page could not be found",
    "page couldn t be found",
    "page does not exist",
    "page doesn t exist",
    "page no longer exists",
    "page you requested was not found",
    "seite nicht gefunden",
    "seite wurde nicht gefunden",
    "seite konnte nicht gefunden werden",
    "seite existiert nicht",
    "page introuvable",
    "page non trouvée",
    "page n existe pas",
    "página no encontrada",
    "página no existe",
    "pàgina no trobada",
    "pagina non trovata",
    "pagina non esiste",
    "página não encontrada",
    "página não existe",
    "pagina niet gevonden",
    "pagina bestaat niet",
    "nie znaleziono strony",
    "strona nie istnieje",
    "strona nie została znaleziona",
    "страница не найдена",
    "страница не существует",
    "сторінку не знайдено",
    "сторінка не знайдена",
    "stránka nenalezena",
    "stránka nebyla nalezena",
    "stránka sa nenašla",
    "sidan hittades inte",
    "sidan kunde inte hittas",
    "sidan finns inte",
    "siden blev ikke fundet",
    "siden findes ikke",
    "siden ble ikke funnet",
    "fant ikke siden",
    "sivua ei löytynyt",
    "sivua ei löydy",
    "oldal nem található",
    "sayfa bulunamadı",
    "pagina nu a fost găsită",
    "pagina nu există",
    "η σελίδα δεν βρέθηκε",
    "страницата не е намерена",
    "stranica nije pronađena",
    "không tìm thấy trang",
    "halaman tidak ditemukan",
    "الصفحة غير موجودة",
    "הדף לא נמצא",
];

/// The same in scripts that put no spaces between words.
const UNSPACED: [&str; 13] = [
    "ページが見つかりません",
    "ページは見つかりません",
    "ページが存在しません",
    "ページは存在しません",
    "页面不存在",
    "页面未找到",
    "找不到页面",
    "网页不存在",
    "頁面不存在",
    "找不到頁面",
    "페이지를 찾을 수 없습니다",
    "페이지가 존재하지 않습니다",
    "ไม่พบหน้า",
];

/// What parts a title wherever it stands: `Not found | Example`.
const PARTING: [char; 7] = ['|', '–', '—', '·', '•', '«', '»'];

/// What parts it with white space beside it only: `status-404` and `1/404` are one word.
const PARTING_APART: [&str; 3] = [" - ", " / ", ": "];

/// Whether the title or the first heading of level 1 says that there is no such page, and the text is
/// short. The languages are those of the lists above.
pub(crate) fn is_soft_404(title: Option<&str>, headings: &[(u8, String)], text: &str) -> bool {
    let heading = headings.iter().find(|(level, _)| *level == 1).map(|(_, text)| text.as_str());
    // A character has at most four bytes.
    let is_short = text.len() <= 4 * MAX_TEXT_CHARS && text.chars().nth(MAX_TEXT_CHARS).is_none();
    is_short && [title, heading].into_iter().flatten().any(says_not_found)
}

fn says_not_found(saying: &str) -> bool {
    let saying: String = saying.chars().take(MAX_SAYING_CHARS).flat_map(char::to_lowercase).collect();
    if UNSPACED.iter().any(|phrase| saying.contains(phrase)) {
        return true;
    }
    let words = words_of(&saying);
    PHRASES.iter().any(|phrase| holds(&words, phrase))
        || WHOLE.contains(&words.trim())
        || parts_of(&saying).any(|part| WHOLE.contains(&words_of(part).trim()))
}

fn parts_of(saying: &str) -> impl Iterator<Item = &str> {
    let [dash, slash, colon] = PARTING_APART;
    let parts = saying.split(PARTING).flat_map(move |part| part.split(dash));
    parts.flat_map(move |part| part.split(slash)).flat_map(move |part| part.split(colon))
}

/// Whether the phrase stands among the words as whole words.
fn holds(words: &str, phrase: &str) -> bool {
    let mut found = words.match_indices(phrase);
    found.any(|(at, _)| words[..at].ends_with(' ') && words[at + phrase.len()..].starts_with(' '))
}

/// The words with one space before and after each.
fn words_of(text: &str) -> String {
    let mut words = String::from(" ");
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        words.push_str(word);
        words.push(' ');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(title: &str, heading: &str, text: &str, expected: bool) {
        let headings = [(2, "Page not found".to_owned()), (1, heading.to_owned())];
        let title = Some(title).filter(|title| !title.is_empty());
        assert_eq!(is_soft_404(title, &headings, text), expected, "{title:?} {heading:?}");
    }

    #[test]
    fn pages_that_say_they_were_not_found() {
        for title in [
            "404",
            "404 Not Found",
            "Not Found | Example",
            "Example - 404",
            "Example: 404",
            "Error 404 (Not Found)!!1",
            "Oops! That page can’t be found.",
            "Page not found – The Shop",
            "PAGE NOT FOUND",
            "Seite nicht gefunden",
            "Erreur 404 - Site",
            "Página no encontrada",
            "Страница не найдена",
            "お探しのページが見つかりませんでした",
            "404 - 找不到页面",
            "페이지를 찾을 수 없습니다",
        ] {
            check(title, "", "Sorry.", true);
            check("Example", title, "Sorry.", true);
        }
    }

    #[test]
    fn pages_that_are_there() {
        for title in [
            "",
            "Example",
            "404 Media",
            "status-404",
            "Chapter 7:404",
            "Page 1/404",
            "Room 404",
            "Lost and found",
            "How to write a 404 page",
            "Treasure not found in the wreck",
            "Foundations",
            "Homepage not foundry",
        ] {
            check(title, title, "A text.", false);
        }
        check("Page not found", "Page not found", &"An article about it. ".repeat(100), false);
    }

    #[test]
    fn only_the_first_heading_of_level_one_speaks() {
        let headings = [(1, "Example".to_owned()), (1, "Page not found".to_owned())];
        assert!(!is_soft_404(None, &headings, ""));
        assert!(!is_soft_404(None, &[], ""));
    }

    #[test]
    fn the_lists_are_as_titles_are_read() {
        for phrase in PHRASES.iter().chain(&WHOLE) {
            assert_eq!(words_of(&phrase.to_lowercase()).trim(), *phrase);
        }
    }
}

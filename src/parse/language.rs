//! [`language`]: what a page says its language is, else what its text looks like.

use whatlang::Lang;

/// Bytes of text that the detector reads.
const SAMPLE_BYTES: usize = 4096;

/// A BCP 47 tag in lower case: the stated one when it is well formed, else the one detected from
/// the text when the detector is sure.
pub(crate) fn language(stated: Option<&str>, text: &str) -> Option<String> {
    stated.and_then(tag).or_else(|| detect(text).map(str::to_owned))
}

/// A language tag (RFC 5646 2.1) by its outer form; an underscore is read as the hyphen it means.
fn tag(stated: &str) -> Option<String> {
    let tag = stated.trim().replace('_', "-").to_ascii_lowercase();
    let mut subtags = tag.split('-');
    let primary =
        subtags.next().is_some_and(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()));
    let rest = subtags.all(|s| (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric()));
    (primary && rest && tag.len() <= 35).then_some(tag)
}

fn detect(text: &str) -> Option<&'static str> {
    let sample = &text[..text.floor_char_boundary(SAMPLE_BYTES)];
    let info = whatlang::detect(sample)?;
    info.is_reliable().then(|| code(info.lang()))
}

/// The ISO 639-1 code, which is what BCP 47 wants where there is one; all that the detector knows
/// have one.
fn code(lang: Lang) -> &'static str {
    match lang {
        Lang::Afr => "af",
        Lang::Aka => "ak",
        Lang::Amh => "am",
        Lang::Ara => "ar",
        Lang::Aze => "az",
        Lang::Bel => "be",
        Lang::Ben => "bn",
        Lang::Bul => "bg",
        Lang::Cat => "ca",
        Lang::Ces => "cs",
        Lang::Cmn => "zh",
        Lang::Cym => "cy",
        Lang::Dan => "da",
        Lang::Deu => "de",
        Lang::Ell => "el",
        Lang::Eng => "en",
        Lang::Epo => "eo",
        Lang::Est => "et",
        Lang::Fin => "fi",
        Lang::Fra => "fr",
        Lang::Guj => "gu",
        Lang::Heb => "he",
        Lang::Hin => "hi",
        Lang::Hrv => "hr",
        Lang::Hun => "hu",
        Lang::Hye => "hy",
        Lang::Ind => "id",
        Lang::Ita => "it",
        Lang::Jav => "jv",
        Lang::Jpn => "ja",
        Lang::Kan => "kn",
        Lang::Kat => "ka",
        Lang::Khm => "km",
        Lang::Kor => "ko",
        Lang::Lat => "la",
        Lang::Lav => "lv",
        Lang::Lit => "lt",
        Lang::Mal => "ml",
        Lang::Mar => "mr",
        Lang::Mkd => "mk",
        Lang::Mya => "my",
        Lang::Nep => "ne",
        Lang::Nld => "nl",
        Lang::Nob => "nb",
        Lang::Ori => "or",
        Lang::Pan => "pa",
        Lang::Pes => "fa",
        Lang::Pol => "pl",
        Lang::Por => "pt",
        Lang::Ron => "ro",
        Lang::Rus => "ru",
        Lang::Sin => "si",
        Lang::Slk => "sk",
        Lang::Slv => "sl",
        Lang::Sna => "sn",
        Lang::Spa => "es",
        Lang::Srp => "sr",
        Lang::Swe => "sv",
        Lang::Tam => "ta",
        Lang::Tel => "te",
        Lang::Tgl => "tl",
        Lang::Tha => "th",
        Lang::Tuk => "tk",
        Lang::Tur => "tr",
        Lang::Ukr => "uk",
        Lang::Urd => "ur",
        Lang::Uzb => "uz",
        Lang::Vie => "vi",
        Lang::Yid => "yi",
        Lang::Zul => "zu",
    }
}

#[cfg(test)]
mod tests {
    use super::language;

    #[test]
    fn stated_languages() {
        for (stated, expected) in [
            ("en", Some("en")),
            (" de-AT ", Some("de-at")),
            ("zh_Hant_TW", Some("zh-hant-tw")),
            ("x-default", None),
            ("{{lang}}", None),
            ("", None),
            ("e", None),
            ("en-", None),
            ("en-us,de", None),
        ] {
            assert_eq!(language(Some(stated), "").as_deref(), expected, "{stated:?}");
        }
    }

    #[test]
    fn languages_of_texts() {
        for (text, expected) in [
            ("Der Hund lief über die Straße, weil er auf der anderen Seite eine Katze gesehen hatte.", Some("de")),
            (
                "Это предложение написано на русском языке, чтобы проверить, был ли язык определён правильно.",
                Some("ru"),
            ),
            ("吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。", Some("ja")),
            ("404", None),
            ("", None),
        ] {
            assert_eq!(language(Some("?"), text).as_deref(), expected, "{text:?}");
        }
    }
}

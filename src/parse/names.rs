//! [`Tag`] and [`Attr`]: the names of elements and attributes that mean something here, and
//! [`Element`]: what the rules of extraction ask of an element, whichever parser found it.

use std::borrow::Cow;

use html5ever::{LocalName, local_name, ns};

/// The vocabulary an element belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespace {
    Html,
    Svg,
    MathMl,
    Other,
}

/// A start tag as far as the rules of extraction look at it.
pub(crate) trait Element {
    /// Its vocabulary.
    fn namespace(&self) -> Namespace;
    /// Its name.
    fn tag(&self) -> Tag;
    /// The value of an attribute, character references decoded.
    fn attribute(&self, name: Attr) -> Option<Cow<'_, str>>;
}

impl Element for scraper::node::Element {
    fn namespace(&self) -> Namespace {
        match self.name.ns {
            ns!(html) => Namespace::Html,
            ns!(svg) => Namespace::Svg,
            ns!(mathml) => Namespace::MathMl,
            _ => Namespace::Other,
        }
    }

    fn tag(&self) -> Tag {
        Tag::of_atom(&self.name.local)
    }

    fn attribute(&self, name: Attr) -> Option<Cow<'_, str>> {
        let (space, local) = match name {
            Attr::XlinkHref => (ns!(xlink), local_name!("href")),
            _ => (ns!(), name.atom()),
        };
        let found = self.attrs.iter().find(|(held, _)| held.local == local && held.ns == space);
        found.map(|(_, value)| Cow::Borrowed(&**value))
    }
}

/// A name of up to 16 characters as a number, ASCII in lower case; 0 for longer ones and those with NUL.
const fn key(name: &[u8]) -> u128 {
    if name.len() > 16 {
        return 0;
    }
    let (mut key, mut at) = (0_u128, 0);
    while at < name.len() {
        if name[at] == 0 {
            return 0;
        }
        key = (key << 8) | name[at].to_ascii_lowercase() as u128;
        at += 1;
    }
    key
}

macro_rules! tags {
    ($($variant:ident $name:tt)*) => {
        /// The name of an element in lower case. [`Tag::Other`] stands for all names that no rule knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Tag {
            $($variant,)*
            Other,
        }

        impl Tag {
            /// The tag of a name in any case.
            #[allow(non_upper_case_globals)]
            pub(crate) fn of(name: &[u8]) -> Tag {
                $(const $variant: u128 = key($name.as_bytes());)*
                match key(name) {
                    $($variant => Tag::$variant,)*
                    _ => Tag::Other,
                }
            }

            /// The name for the tree builder; `None` for [`Tag::Other`].
            pub(crate) fn atom(self) -> Option<LocalName> {
                match self {
                    $(Tag::$variant => Some(local_name!($name)),)*
                    Tag::Other => None,
                }
            }

            /// The tag of a name that the tree builder knows.
            pub(crate) fn of_atom(name: &LocalName) -> Tag {
                match *name {
                    $(local_name!($name) => Tag::$variant,)*
                    // What html5ever writes as SVG does (HTML 13.2.6.1).
                    local_name!("feImage") => Tag::FeImage,
                    local_name!("foreignObject") => Tag::ForeignObject,
                    _ => Tag::Other,
                }
            }

            /// How many tags there are.
            pub(crate) const COUNT: usize = Tag::Other as usize + 1;
        }
    };
}

tags! {
    A "a" Address "address" Annotation "annotation" AnnotationXml "annotation-xml" Applet "applet" Area "area"
    Article "article" Aside "aside" Audio "audio" B "b" Base "base" Basefont "basefont" Bgsound "bgsound" Big "big"
    Blockquote "blockquote" Body "body" Br "br" Button "button" Canvas "canvas" Caption "caption" Center "center"
    Code "code" Col "col" Colgroup "colgroup" Datalist "datalist" Dd "dd" Desc "desc" Details "details"
    Dialog "dialog" Dir "dir" Div "div" Dl "dl" Dt "dt" Em "em" Embed "embed" FeImage "feimage"
    Fieldset "fieldset" Figcaption "figcaption" Figure "figure" Font "font" Footer "footer"
    ForeignObject "foreignobject" Form "form" Frame "frame" Frameset "frameset" H1 "h1" H2 "h2" H3 "h3" H4 "h4"
    H5 "h5" H6 "h6" Head "head" Header "header" Hgroup "hgroup" Hr "hr" Html "html" I "i" Iframe "iframe"
    Image "image" Img "img" Input "input" Isindex "isindex" Keygen "keygen" Legend "legend" Li "li" Link "link"
    Listing "listing" Main "main" Malignmark "malignmark" Marquee "marquee" Math "math" Menu "menu" Meta "meta"
    Metadata "metadata" Mglyph "mglyph" Mi "mi" Mn "mn" Mo "mo" Ms "ms" Mtext "mtext" Nav "nav" Nobr "nobr"
    Noembed "noembed" Noframes "noframes" Noscript "noscript" Object "object" Ol "ol" Optgroup "optgroup"
    Option "option" P "p" Param "param" Plaintext "plaintext" Pre "pre" Rb "rb" Rp "rp" Rt "rt" Rtc "rtc"
    Ruby "ruby" S "s" Script "script" Search "search" Section "section" Select "select" Small "small"
    Source "source" Span "span" Strike "strike" Strong "strong" Style "style" Sub "sub" Summary "summary" Sup "sup"
    Svg "svg" Table "table" Tbody "tbody" Td "td" Template "template" Text "text" Textarea "textarea" Tfoot "tfoot"
    Th "th" Thead "thead" Title "title" Tr "tr" Track "track" Tt "tt" U "u" Ul "ul" Use "use" Var "var"
    Video "video" Wbr "wbr" Xmp "xmp"
}

macro_rules! attributes {
    ($($variant:ident $name:tt)*) => {
        /// The name of an attribute that some rule looks at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Attr {
            $($variant,)*
            /// `xlink:href` of a foreign element.
            XlinkHref,
        }

        impl Attr {
            /// As it is written in a page, in lower case.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Attr::$variant => $name,)*
                    Attr::XlinkHref => "xlink:href",
                }
            }

            /// The attribute of a name in any case, if some rule looks at it.
            #[allow(non_upper_case_globals)]
            pub(crate) fn of(name: &[u8]) -> Option<Attr> {
                $(const $variant: u128 = key($name.as_bytes());)*
                const XlinkHref: u128 = key(b"xlink:href");
                match key(name) {
                    $($variant => Some(Attr::$variant),)*
                    XlinkHref => Some(Attr::XlinkHref),
                    _ => None,
                }
            }

            /// A bit of its own.
            pub(crate) const fn bit(self) -> u64 {
                1 << self as u64
            }

            /// The name for the tree builder, which gives foreign elements their own.
            pub(crate) fn atom(self) -> LocalName {
                match self {
                    $(Attr::$variant => local_name!($name),)*
                    Attr::XlinkHref => local_name!("xlink:href"),
                }
            }
        }
    };
}

attributes! {
    Action "action" Alt "alt" As "as" Background "background" Color "color" Content "content" Data "data"
    Face "face" Hidden "hidden" Href "href" HttpEquiv "http-equiv" Imagesrcset "imagesrcset"
    Lang "lang" Method "method" Name "name" Poster "poster" Property "property" Rel "rel"
    Shadowrootmode "shadowrootmode" Size "size" Src "src" Srcset "srcset" Type "type" XmlLang "xml:lang"
}

#[cfg(test)]
mod tests {
    use html5ever::LocalName;

    use super::Tag;

    #[test]
    fn a_name_and_its_atom_are_the_same_tag() {
        for (name, tag) in [
            ("a", Tag::A),
            ("annotation-xml", Tag::AnnotationXml),
            ("feimage", Tag::FeImage),
            ("blockquote", Tag::Blockquote),
            ("h6", Tag::H6),
            ("custom-element", Tag::Other),
            ("a-name-of-more-than-16-bytes", Tag::Other),
            ("", Tag::Other),
            ("\0p", Tag::Other),
            ("ä", Tag::Other),
        ] {
            assert_eq!(Tag::of(name.as_bytes()), tag, "{name}");
            assert_eq!(Tag::of(name.to_ascii_uppercase().as_bytes()), tag, "{name}");
            assert_eq!(Tag::of_atom(&LocalName::from(name)), tag, "{name}");
        }
        assert_eq!(Tag::of_atom(&LocalName::from("foreignObject")), Tag::ForeignObject);
    }
}

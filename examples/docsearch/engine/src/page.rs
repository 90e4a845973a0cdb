//! What a file says: its title and its words, without the markup and the furniture around them.

/// A page as people read it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Empty when the page names none.
    pub(super) title: String,
    /// With the title in it.
    pub(super) text: String,
}

/// Elements that are not the page's own text.
const FURNITURE: &[&str] = &["script", "style", "nav", "svg", "noscript", "template", "rustdoc-topbar"];

/// rustdoc repeats these lists on every type's page; behind them comes nothing else.
const REPEATED: &[&str] = &[r#"id="synthetic-implementations""#, r#"id="blanket-implementations""#];

impl Page {
    /// A page of plain text, source code or Markdown: a first `# Heading` is its title.
    pub(super) fn plain(source: &str) -> Self {
        let title = source.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
        Self { title: squeeze(title), text: source.to_owned() }
    }

    /// An HTML page. Anything is a page: broken markup costs words, never an error.
    pub(super) fn html(source: &str) -> Self {
        let mut page = Self::default();
        let mut rest = source;
        while let Some(at) = rest.find('<') {
            push_decoded(&mut page.text, &rest[..at]);
            rest = &rest[at..];
            if let Some(comment) = rest.strip_prefix("<!--") {
                rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
                continue;
            }
            let Some(tag) = Tag::at_start(rest) else {
                page.text.push('<');
                rest = &rest[1..];
                continue;
            };
            rest = &rest[tag.whole.len()..];
            if tag.name.eq_ignore_ascii_case("title") && !tag.closing && page.title.is_empty() {
                let (title, behind) = split_at_close(rest, tag.name);
                let mut decoded = String::new();
                push_decoded(&mut decoded, title);
                page.title = squeeze(&decoded);
                page.text.push_str(&page.title);
                rest = behind;
            } else if tag.is_furniture() {
                rest = split_at_close(rest, tag.name).1;
            } else if tag.is_redirection() {
                // It has nothing of its own to say, and as the shortest of pages it would be found before its target.
                return Self { text: String::new(), ..page };
            } else if REPEATED.iter().any(|mark| tag.whole.contains(mark)) {
                return page;
            }
            // `<wbr>` says where a long word may be broken: it is still one word.
            if !tag.name.eq_ignore_ascii_case("wbr") {
                page.text.push(' ');
            }
        }
        push_decoded(&mut page.text, rest);
        page
    }
}

struct Tag<'a> {
    /// From `<` to `>`.
    whole: &'a str,
    name: &'a str,
    closing: bool,
}

impl<'a> Tag<'a> {
    fn at_start(source: &'a str) -> Option<Self> {
        let inner = &source[1..];
        let closing = inner.starts_with('/');
        let named = inner.strip_prefix('/').unwrap_or(inner);
        if !named.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '?') {
            return None;
        }
        let mut quote = None;
        let end = source.bytes().position(|byte| match (quote, byte) {
            (Some(open), _) => {
                if byte == open {
                    quote = None;
                }
                false
            }
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                false
            }
            (None, byte) => byte == b'>',
        })?;
        let name_end = named.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(named.len());
        Some(Self { whole: &source[..=end], name: &named[..name_end], closing })
    }

    fn is_furniture(&self) -> bool {
        !self.closing
            && !self.whole.ends_with("/>")
            && (FURNITURE.iter().any(|name| self.name.eq_ignore_ascii_case(name))
                // rustdoc marks line numbers and the like so.
                || self.whole.contains("data-nosnippet"))
    }

    fn is_redirection(&self) -> bool {
        self.name.eq_ignore_ascii_case("meta")
            && self.whole.contains("http-equiv")
            && self.whole.to_ascii_lowercase().contains("refresh")
    }
}

/// What stands before `</name>`, and what behind it. Without a close, everything stands before it.
fn split_at_close<'a>(source: &'a str, name: &str) -> (&'a str, &'a str) {
    let mut from = 0;
    while let Some(at) = source[from..].find("</") {
        let at = from + at;
        let behind = &source[at + 2..];
        if behind.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
            && !behind[name.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
        {
            return (&source[..at], behind.find('>').map_or("", |end| &behind[end + 1..]));
        }
        from = at + 2;
    }
    (source, "")
}

/// Appends `source` with its character references resolved; an unknown one becomes a space, so that its name is not
/// taken for a word.
fn push_decoded(text: &mut String, source: &str) {
    let mut rest = source;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest names that people write have about ten characters.
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        match end.map(|end| (&rest[1..end], &rest[end + 1..])) {
            Some((name, behind)) if !name.contains(char::is_whitespace) => {
                text.push(resolve(name));
                rest = behind;
            }
            _ => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
}

fn resolve(name: &str) -> char {
    let code = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        },
        None => None,
    };
    match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => code.and_then(char::from_u32).unwrap_or(' '),
    }
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(source: &str) -> String {
        squeeze(&Page::html(source).text)
    }

    #[test]
    fn the_text_is_what_people_read() {
        let page = Page::html(
            "<!DOCTYPE html><html><head><title>\n Vec &amp; co -\n Rust</title><style>p{color:red}</style></head><body>\
             <nav class=\"sidebar\"><a>elsewhere</a></nav><!-- hidden <b> --><script>if (a<b) {}</script>\
             <p title=\"a > b\">push_<wbr>within</p><td>1</td><td>2</td> a &lt; b &#x41;&#66;&hellip;end",
        );
        assert_eq!(page.title, "Vec & co - Rust");
        assert_eq!(squeeze(&page.text), "Vec & co - Rust push_within 1 2 a < b AB end");
    }

    #[test]
    fn a_redirection_keeps_its_title_and_says_nothing() {
        let page = Page::html(
            r#"<title>Redirection</title><meta http-equiv="refresh" content="0;URL=x.html"><p>Redirecting to x"#,
        );
        assert_eq!(page, Page { title: "Redirection".into(), text: String::new() });
    }

    #[test]
    fn what_rustdoc_repeats_on_every_page_is_left_out() {
        assert_eq!(text_of(r#"own <h2 id="blanket-implementations">Blanket</h2> impl Borrow"#), "own");
        assert_eq!(text_of("<a href=#1 data-nosnippet>17</a>fn main"), "fn main");
    }

    #[test]
    fn broken_markup_costs_words_and_never_more() {
        assert_eq!(text_of("a < b <3 & c <unclosed"), "a < b <3 & c <unclosed");
        assert_eq!(text_of("before <script>never closed"), "before");
        assert_eq!(text_of("x <!-- never closed"), "x");
        assert_eq!(text_of("<p>größe&#xD800;&#x110000;&é;</p"), "größe </p");
        assert_eq!(text_of("<b"), "<b");
        assert_eq!(text_of("</navé>ü</"), "ü</");
        assert_eq!(text_of("<nav>a</navé"), "");
    }

    #[test]
    fn a_plain_page_is_named_by_its_first_heading() {
        let page = Page::plain("intro\n# The  title\ntext");
        assert_eq!(page.title, "The title");
        assert_eq!(page.text, "intro\n# The  title\ntext");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_page(source in "[<>/!a-c\"'&;#x=\\-é \n]{0,200}") {
            let page = Page::html(&source);
            proptest::prop_assert!(page.text.len() <= source.len() * 4);
        }
    }
}

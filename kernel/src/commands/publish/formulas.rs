//! Formulas of notebooks as MathML, which browsers draw by themselves: MathJax would have to come from a network.

use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Parser, ParserError, Storage, push_mathml};

use crate::html::escape;

const OPEN: &str = "<taskloom-formula display=\"";
const CLOSE: &str = "</taskloom-formula>";

/// The page with its formulas drawn, and the sources of those that could not be: they stay on the page as they were written.
pub fn draw(page: &str) -> (String, Vec<String>) {
    let mut drawn = String::with_capacity(page.len());
    let mut unknown = Vec::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once(OPEN) {
        drawn.push_str(before);
        let parts = after
            .split_once("\">")
            .and_then(|(display, inside)| inside.split_once(CLOSE).map(|(tex, behind)| (display, tex, behind)));
        let Some((display, tex, behind)) = parts else {
            drawn.push_str(OPEN);
            rest = after;
            continue;
        };
        let tex = unescape(tex);
        let mode = if display == "block" { DisplayMode::Block } else { DisplayMode::Inline };
        match mathml(&tex, mode) {
            Ok(mathml) => drawn.push_str(&mathml),
            Err(_) => {
                drawn.push_str(&format!("<code class=\"taskloom-tex\">{}</code>", escape(&tex)));
                unknown.push(tex);
            }
        }
        rest = behind;
    }
    drawn.push_str(rest);
    (drawn, unknown)
}

fn mathml(tex: &str, display_mode: DisplayMode) -> Result<String, Box<ParserError>> {
    let storage = Storage::new();
    let events = Parser::new(tex, &storage).collect::<Result<Vec<_>, _>>()?;
    let mut mathml = String::new();
    let config = RenderConfig { display_mode, annotation: Some(tex), ..RenderConfig::default() };
    // Writing to a string does not fail.
    let _ = push_mathml(&mut mathml, events.into_iter().map(Ok::<_, ParserError>), config);
    Ok(mathml)
}

/// What Python's `html.escape` wrote.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#x27;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formula(display: &str, tex: &str) -> String {
        format!("{OPEN}{display}\">{tex}{CLOSE}")
    }

    #[test]
    fn formulas_become_mathml_where_they_stand() {
        let page =
            format!("<p>at {}, then</p>{}", formula("inline", "r &lt; 1"), formula("block", "\\frac{1}{r^{12}}"));
        let (drawn, unknown) = draw(&page);
        assert!(drawn.starts_with("<p>at <math") && drawn.contains(", then</p><math"), "{drawn}");
        assert!(
            drawn.contains("<mfrac>") && drawn.contains("display=\"block\"") && drawn.ends_with("</math>"),
            "{drawn}"
        );
        assert!(!drawn.contains("taskloom-formula"), "{drawn}");
        assert!(unknown.is_empty());
    }

    #[test]
    fn a_formula_that_is_none_stays_as_it_was_written() {
        let (drawn, unknown) = draw(&formula("inline", "\\frac{1}{&lt;b&gt;"));
        assert_eq!(unknown, ["\\frac{1}{<b>"]);
        assert!(drawn.contains("\\frac{1}{&lt;b&gt;</code>"), "{drawn}");
    }

    #[test]
    fn a_page_without_formulas_is_left_alone() {
        let page = "a <b>page</b> with &amp; and half a <taskloom-formula display=\"inline\"";
        assert_eq!(draw(page), (page.to_owned(), Vec::new()));
    }
}

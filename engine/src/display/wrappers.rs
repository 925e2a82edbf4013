//! Text in a language that front ends know, and JSON.

use serde_json::{Value, json};

use super::{MimeBundle, Show};

/// Of a longer source only the beginning is the text form.
const TEXT_CHARS: usize = 400;

/// The text form of a source: all of it when it is short, otherwise its beginning and how much there is.
pub(super) fn excerpt(source: &str, what: &str) -> String {
    match source.char_indices().nth(TEXT_CHARS) {
        None => source.to_owned(),
        Some((end, _)) => {
            let count = crate::draw::grouped(source.chars().count() as u64);
            format!("{}…\n({what}, {count} characters in all)", &source[..end])
        }
    }
}

macro_rules! source_wrapper {
    ($(#[$doc:meta])* $name:ident, $mime:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            source: String,
        }

        impl $name {
            /// Wraps the source; it is shown as it stands.
            pub fn new(source: impl Into<String>) -> Self {
                $name { source: source.into() }
            }

            /// The source.
            pub fn source(&self) -> &str {
                &self.source
            }
        }

        impl Show for $name {
            fn show(&self) -> MimeBundle {
                MimeBundle::new().with("text/plain", excerpt(&self.source, $what)).with($mime, self.source.as_str())
            }
        }
    };
}

source_wrapper! {
    /// HTML, shown as a page would show it. Escape what comes from elsewhere.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let shown = Html::new("<b>warp</b> and <i>weft</i>").show();
    /// assert_eq!(shown.get("text/html"), Some("<b>warp</b> and <i>weft</i>"));
    /// ```
    Html, "text/html", "HTML"
}

source_wrapper! {
    /// Markdown, as a notebook's text cells have it.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Markdown::new("a **b**").show().get("text/markdown"), Some("a **b**"));
    /// ```
    Markdown, "text/markdown", "Markdown"
}

source_wrapper! {
    /// LaTeX: text with formulas between `$`, or an environment such as `align`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Latex::new(r"so $a^2 = b$").show().get("text/latex"), Some(r"so $a^2 = b$"));
    /// ```
    Latex, "text/latex", "LaTeX"
}

/// One formula, displayed on a line of its own; without the `$`.
///
/// ```
/// use taskloom::prelude::*;
/// assert_eq!(Math::new(r"\frac{1}{2}").show().get("text/latex"), Some(r"$\displaystyle \frac{1}{2}$"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Math {
    source: String,
}

impl Math {
    /// Wraps the formula; `$` around it are taken off.
    pub fn new(source: impl Into<String>) -> Self {
        Math { source: source.into().trim().trim_matches('$').trim().to_owned() }
    }

    /// The formula.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl Show for Math {
    fn show(&self) -> MimeBundle {
        MimeBundle::new()
            .with("text/plain", excerpt(&self.source, "LaTeX"))
            .with("text/latex", format!("$\\displaystyle {}$", self.source))
    }
}

/// Text as it stands: in a fixed font, with its line breaks and spaces, without the quotes of `Debug`.
///
/// ```
/// use taskloom::prelude::*;
/// assert_eq!(Text::new("a\n  b").show().get("text/plain"), Some("a\n  b"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    text: String,
}

impl Text {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Text { text: text.into() }
    }
}

impl Show for Text {
    fn show(&self) -> MimeBundle {
        MimeBundle::new().with("text/plain", self.text.as_str())
    }
}

/// JSON, as a tree that can be unfolded.
///
/// ```
/// use taskloom::prelude::*;
/// let shown = Json::new(taskloom::serde_json::json!({"a": [1, 2]})).show();
/// assert_eq!(shown.forms()["application/json"]["a"][1], 2);
/// assert!(shown.get("text/plain").unwrap().contains("\"a\""));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Json {
    value: Value,
    expanded: bool,
}

impl Json {
    /// Wraps a value.
    pub fn new(value: impl Into<Value>) -> Self {
        Json { value: value.into(), expanded: false }
    }

    /// Anything that serde can serialise, as JSON.
    ///
    /// # Errors
    /// When JSON cannot hold the value, such as a map whose keys are not text.
    pub fn of(value: &impl serde::Serialize) -> serde_json::Result<Self> {
        serde_json::to_value(value).map(Json::new)
    }

    /// Parses JSON text.
    ///
    /// # Errors
    /// When the text is not JSON; the error says where.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str::<Value>(text).map(Json::new)
    }

    /// Whether the whole tree is unfolded at first.
    pub fn expanded(mut self, expanded: bool) -> Self {
        self.expanded = expanded;
        self
    }
}

impl Show for Json {
    fn show(&self) -> MimeBundle {
        let text = serde_json::to_string_pretty(&self.value).unwrap_or_default();
        MimeBundle::new()
            .with("text/plain", excerpt(&text, "JSON"))
            .with_json("application/json", self.value.clone())
            .with_metadata("application/json", "expanded", self.expanded)
    }
}

/// A plot as a [Vega-Lite](https://vega.github.io/vega-lite/) specification; for ordinary plots see [`plot`](crate::plot).
///
/// ```
/// use taskloom::prelude::*;
/// let spec = taskloom::serde_json::json!({
///     "data": {"values": [{"a": 1}, {"a": 4}]},
///     "mark": "bar",
///     "encoding": {"x": {"field": "a", "type": "quantitative"}},
/// });
/// assert!(VegaLite::new(spec).show().forms().contains_key("application/vnd.vegalite.v5+json"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct VegaLite {
    spec: Value,
}

/// The version of Vega-Lite that JupyterLab 4 has.
pub(crate) const VEGA_LITE_SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v5.json";
/// The MIME type that goes with it.
pub(crate) const VEGA_LITE_MIME: &str = "application/vnd.vegalite.v5+json";

impl VegaLite {
    /// Wraps a specification; without a `$schema` it is taken as version 5.
    pub fn new(spec: impl Into<Value>) -> Self {
        let mut spec = spec.into();
        if let Value::Object(fields) = &mut spec {
            fields.entry("$schema").or_insert_with(|| json!(VEGA_LITE_SCHEMA));
        }
        VegaLite { spec }
    }
}

impl Show for VegaLite {
    fn show(&self) -> MimeBundle {
        let title = match &self.spec["title"] {
            Value::String(title) => format!(": {title}"),
            Value::Object(title) => {
                title.get("text").and_then(Value::as_str).map(|t| format!(": {t}")).unwrap_or_default()
            }
            _ => String::new(),
        };
        // JupyterLab also knows the versions before, each under its own name; a newer one it draws as version 5.
        let schema = self.spec["$schema"].as_str().unwrap_or_default();
        let mime_type = match schema {
            schema if schema.contains("/v3") => "application/vnd.vegalite.v3+json",
            schema if schema.contains("/v4") => "application/vnd.vegalite.v4+json",
            _ => VEGA_LITE_MIME,
        };
        MimeBundle::new().with("text/plain", format!("a Vega-Lite plot{title}")).with_json(mime_type, self.spec.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_long_source_is_its_beginning() {
        let shown = Html::new("<p>é</p>".repeat(1000)).show();
        let text = shown.get("text/plain").unwrap();
        assert!(text.starts_with("<p>é</p><p>") && text.ends_with("(HTML, 8,000 characters in all)"), "{text}");
        assert_eq!(shown.get("text/html").map(str::len), Some(9000));
        assert_eq!(Markdown::new("*short*").show().get("text/plain"), Some("*short*"));
    }

    #[test]
    fn a_formula_may_come_with_or_without_its_dollars() {
        assert_eq!(Math::new("$$ x $$").show(), Math::new("x").show());
    }

    #[test]
    fn json_says_where_it_is_wrong() {
        assert!(Json::parse("{\"a\": }").unwrap_err().to_string().contains("line 1 column 7"));
        let shown = Json::of(&vec![1, 2]).unwrap().expanded(true).show();
        assert_eq!(shown.metadata()["application/json"]["expanded"], true);
    }

    #[test]
    fn older_versions_of_vega_lite_go_under_their_own_name() {
        let spec = json!({"$schema": "https://vega.github.io/schema/vega-lite/v4.json", "title": {"text": "old"}});
        let shown = VegaLite::new(spec).show();
        assert!(shown.forms().contains_key("application/vnd.vegalite.v4+json"));
        assert_eq!(shown.get("text/plain"), Some("a Vega-Lite plot: old"));
    }
}

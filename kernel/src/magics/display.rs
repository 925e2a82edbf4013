//! A cell that is shown as it stands: `%%html`, `%%markdown`, `%%svg`, `%%latex`, `%%javascript`.

use serde_json::json;

use super::arguments::Call;
use super::context::Context;
use super::{Magic, Magics, usage};
use crate::session::Failure;

pub(super) const MAGICS: [Magic; 5] = [
    Magic {
        name: "%%html",
        usage: "%%html, and the cell below it",
        summary: "Shows the cell as HTML.",
        details: "",
        example: "%%html\n<b>warp</b> and <i>weft</i>",
        run: Magics::show_cell,
    },
    Magic {
        name: "%%markdown",
        usage: "%%markdown, and the cell below it",
        summary: "Shows the cell as Markdown.",
        details: "",
        example: "%%markdown\n- *warp*\n- *weft*",
        run: Magics::show_cell,
    },
    Magic {
        name: "%%svg",
        usage: "%%svg, and the cell below it",
        summary: "Shows the cell as an SVG drawing.",
        details: "",
        example: "%%svg\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"40\"><circle cx=\"20\" cy=\"20\" r=\"18\"/></svg>",
        run: Magics::show_cell,
    },
    Magic {
        name: "%%latex",
        usage: "%%latex, and the cell below it",
        summary: "Shows the cell as LaTeX.",
        details: "Formulas stand between dollars.",
        example: "%%latex\n$$e^{i\\pi} + 1 = 0$$",
        run: Magics::show_cell,
    },
    Magic {
        name: "%%javascript",
        usage: "%%javascript, and the cell below it",
        summary: "Runs the cell as JavaScript in the page that shows the notebook.",
        details: "In JupyterLab `element` is where output goes. A notebook that somebody else wrote runs it only once it is \
                  trusted.",
        example: "%%javascript\nelement.textContent = \"hello\";",
        run: Magics::show_cell,
    },
];

impl Magics {
    fn show_cell(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let mime_type = match call.name.as_str() {
            "%%html" => "text/html",
            "%%markdown" => "text/markdown",
            "%%svg" => "image/svg+xml",
            "%%latex" => "text/latex",
            _ => "application/javascript",
        };
        if !call.arguments.is_empty() {
            return Err(usage(call, &format!("{} shows the lines below it, and takes nothing behind it", call.name)));
        }
        if call.body.trim().is_empty() {
            return Err(usage(call, &format!("{} has nothing to show", call.name)));
        }
        if mime_type == "image/svg+xml" && !call.body.contains("<svg") {
            return Err(Failure::message("there is no <svg> element in this cell, so there is nothing to draw"));
        }
        context.display([(mime_type, json!(call.body)), ("text/plain", json!(call.body.trim_end()))]);
        Ok(())
    }
}

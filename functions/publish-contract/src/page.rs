//! Self-contained HTML pages, which load nothing and can be kept.

use api::{FIELD_CODES, ProblemType};

const STYLE: &str = "body{font:1rem/1.6 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;\
    color:#1b1b1b;background:#fff}code{font-family:ui-monospace,monospace;background:#f0f0f0;\
    padding:.1rem .3rem;border-radius:.2rem}a{color:#0b57d0}dt{margin-top:1rem;font-weight:600}dd{margin:0}\
    @media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#161616}code{background:#2a2a2a}\
    a{color:#8ab4f8}}";

/// Renders the page of a problem.
pub(crate) fn of(problem: ProblemType) -> String {
    let mut body = format!(
        "<h1>{}</h1><p><code>{}</code>, HTTP status {}</p><p>{}</p>",
        text(problem.title()),
        text(problem.slug()),
        problem.status(),
        text(problem.detail()),
    );
    if problem == ProblemType::ValidationFailed {
        body.push_str("<p>Each entry of <code>errors</code> names the field in <code>pointer</code> ");
        body.push_str("and the error in <code>code</code>:</p><dl>");
        let entry = |(code, meaning): &(&str, &str)| {
            format!("<dt id=\"{0}\"><code>{0}</code></dt><dd>{1}</dd>", text(code), text(meaning))
        };
        body.extend(FIELD_CODES.iter().map(entry));
        body.push_str("</dl>");
    }
    body.push_str(
        "<p>The response has a <code>correlation_id</code>, with which the operator of the service ",
    );
    body.push_str("finds the request.</p><p><a href=\"../problems\">All problems</a></p>");
    document(problem.title(), &body)
}

/// Renders the list of all problems.
pub(crate) fn of_all() -> String {
    let entry = |problem: &ProblemType| {
        let (slug, title) = (text(problem.slug()), text(problem.title()));
        let link = format!("<a href=\"problems/{slug}\"><code>{slug}</code></a>");
        format!("<dt>{link} {}</dt><dd>{title}</dd>", problem.status())
    };
    let entries: String = ProblemType::ALL.iter().map(entry).collect();
    document(
        "Problems",
        &format!(
            "<h1>Problems</h1><p>The problems that a request can be refused with.</p><dl>{entries}</dl>"
        ),
    )
}

fn document(title: &str, body: &str) -> String {
    let title = text(title);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>{STYLE}</style></head>\
         <body>{body}</body></html>"
    )
}

/// Escapes a text for HTML. Text between backticks becomes code.
fn text(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        c => c.to_string(),
    };
    let escaped: String = text.chars().map(escape).collect();
    let mut parts = escaped.split('`');
    let mut html = parts.next().unwrap_or_default().to_owned();
    for (number, part) in parts.enumerate() {
        html.push_str(if number % 2 == 0 { "<code>" } else { "</code>" });
        html.push_str(part);
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_never_markup() {
        assert_eq!(text("a <b> & \"c\" 'd'"), "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
        assert_eq!(text("send `<x>` now"), "send <code>&lt;x&gt;</code> now");
    }
}

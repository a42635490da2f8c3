//! Just enough of a browser: the first form of a page that we made ourselves, and its cookies.

use http::HeaderMap;
use http::header::SET_COOKIE;

/// The action of a page's first form, and its hidden fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) action: String,
    pub(super) fields: Vec<(String, String)>,
}

/// Reads the first form. Our own pages quote every attribute and hold nothing in them that needs decoding but
/// `&amp;`.
pub(super) fn read(page: &str) -> Option<Form> {
    let form = page.split_once("<form")?.1.split("</form>").next()?;
    let action = attribute(form.split('>').next()?, "action")?;
    let inputs = form.split("<input").skip(1).filter_map(|input| input.split('>').next());
    let fields = inputs
        .filter(|input| attribute(input, "type").as_deref() == Some("hidden"))
        .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
        .collect();
    Some(Form { action, fields })
}

/// What a browser would send back as `Cookie`.
pub(super) fn cookies(headers: &HeaderMap) -> String {
    let set = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs: Vec<&str> = set.filter_map(|cookie| cookie.split(';').next()).map(str::trim).collect();
    pairs.join("; ")
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    tag[start..].split('"').next().map(|value| value.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_form_is_read_with_its_hidden_fields_only() {
        let page = r#"<p>x</p><form method="post" action="/consent"><input type="hidden" name="ticket" value="a&amp;b">
            <input type="text" name="other" value="1"><button name="decision" value="allow">Go</button></form>"#;
        let form = read(page).unwrap();
        assert_eq!((form.action.as_str(), form.fields), ("/consent", vec![("ticket".into(), "a&b".into())]));
        assert_eq!(read("<p>no form</p>"), None);
    }

    #[test]
    fn cookies_go_back_without_their_attributes() {
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, HeaderValue::from_static("__Host-a=1; Secure; Path=/"));
        headers.append(SET_COOKIE, HeaderValue::from_static("b=2"));
        assert_eq!(cookies(&headers), "__Host-a=1; b=2");
    }
}

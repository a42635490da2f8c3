//! `Idempotency-Key`s and the bodies that go with them (contract of 0.16, B4).

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures_util::stream;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::super::Media;
use super::place::Place;
use crate::base::hex::hexadecimal;
use crate::caller::Fingerprint;

/// Tells this server's keys from others', and its next form from this one.
const PREFIX: &str = "vbmcp1-";

/// What Validibot knows one launch by. Its scope there has neither the user nor the workflow, so that both are inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(String);

/// A launch, but for which one of several that are alike it is.
pub(super) struct Asked<'a> {
    pub(super) caller: Fingerprint,
    pub(super) place: &'a Place,
    pub(super) name: &'a str,
    pub(super) media: Media,
    pub(super) content: &'a Bytes,
}

impl Asked<'_> {
    /// What launches that are alike have in common.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.hash(&[b"alike", self.content])
    }

    /// The key of the launch of this name, whoever gave it: the caller, its host, or this server.
    pub(super) fn named(&self, name: &str) -> Key {
        Key::of(self.hash(&[b"named", name.as_bytes(), self.content]))
    }

    /// The key of the launch of a ticket. The bytes of its file are left out: it is for one run, and Validibot refuses other
    /// bytes under its key.
    pub(super) fn of_ticket(&self, id: &str) -> Key {
        Key::of(self.hash(&[b"ticket", id.as_bytes(), b""]))
    }

    /// Each part with its length, so that no two lists of parts are one text.
    fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let caller = self.caller.bytes();
        let common: [&[u8]; 5] = [
            &caller,
            self.place.org.as_bytes(),
            self.place.workflow.as_bytes(),
            self.name.as_bytes(),
            self.media.content_type.as_bytes(),
        ];
        let mut context = Context::new(&SHA256);
        for part in common.iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        finished(context)
    }
}

impl Key {
    fn of(digest: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", hexadecimal(&digest)))
    }

    /// The key of the next attempt, after a refusal that Validibot keeps for a day under this one. Every instance comes to the
    /// same, by the id of the request that was refused.
    pub(super) fn after(&self, refused: &str) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(self.0.as_bytes());
        context.update(refused.as_bytes());
        Self::of(finished(context))
    }

    /// The request with this key and the file. The same key has the same bytes: what Validibot compares is the whole body, so
    /// that the boundary comes from the key.
    pub(super) fn add(
        &self,
        request: RequestBuilder,
        name: &str,
        media: Media,
        content: &Bytes,
    ) -> RequestBuilder {
        let boundary = self.boundary();
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
            quoted(name),
            media.content_type
        );
        let pieces = [head.into(), content.clone(), Bytes::from(format!("\r\n--{boundary}--\r\n"))];
        let length: usize = pieces.iter().map(Bytes::len).sum();
        let pieces = stream::iter(pieces.map(Ok::<_, std::convert::Infallible>));
        request
            .header("Idempotency-Key", &self.0)
            .header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
            // Django reads no chunks.
            .header(CONTENT_LENGTH, length)
            .body(reqwest::Body::wrap_stream(pieces))
    }

    fn boundary(&self) -> String {
        let mut context = Context::new(&SHA256);
        context.update(b"boundary");
        context.update(self.0.as_bytes());
        hexadecimal(&finished(context))
    }
}

/// A name inside quotation marks, as the other way of launching writes it.
fn quoted(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"")
}

fn finished(context: Context) -> [u8; 32] {
    let mut bytes = [0; 32];
    // SHA-256 has that many.
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::super::super::WorkflowRef;
    use super::*;

    /// The key of the launch of this name, or of this ticket.
    fn key(
        caller: &str,
        workflow: &str,
        name: &str,
        content: &'static str,
        launch: Result<&str, &str>,
    ) -> Key {
        let place = Place::of(&WorkflowRef::new("acme", workflow)).expect("slugs");
        let asked = Asked {
            caller: Fingerprint::of(&SecretString::from(caller)),
            place: &place,
            name,
            media: Media::of(name),
            content: &Bytes::from_static(content.as_bytes()),
        };
        match launch {
            Ok(name) => asked.named(name),
            Err(ticket) => asked.of_ticket(ticket),
        }
    }

    #[test]
    fn whatever_makes_another_launch_makes_another_key() {
        let keys = [
            key("a", "energy", "m.json", "{}", Ok("i")),
            key("b", "energy", "m.json", "{}", Ok("i")),
            key("a", "table", "m.json", "{}", Ok("i")),
            key("a", "energy", "n.json", "{}", Ok("i")),
            key("a", "energy", "m.xml", "{}", Ok("i")),
            key("a", "energy", "m.json", "[]", Ok("i")),
            key("a", "energy", "m.json", "{}", Ok("j")),
            key("a", "energy", "m.json", "{}", Err("i")),
            key("a", "energy", "m.json", "{}", Ok("i")).after("r"),
            key("a", "energy", "m.json", "{}", Ok("i")).after("s"),
            key("a", "energy", "m.json", "{}", Ok("i")).after("r").after("r"),
        ];
        let different: std::collections::BTreeSet<&str> = keys.iter().map(|key| key.0.as_str()).collect();
        assert_eq!(different.len(), keys.len());
        assert!(keys.iter().all(|key| key.0.len() <= 255));
        assert_eq!(keys[0], key("a", "energy", "m.json", "{}", Ok("i")), "the same again");
        // One ticket, whatever the bytes: Validibot refuses others under its key.
        let ticket = |content| key("a", "energy", "m.json", content, Err("t"));
        assert_eq!(ticket("{}"), ticket("[]"));
    }

    #[tokio::test]
    async fn a_key_has_one_body_and_its_boundary_comes_from_it() {
        use http_body_util::BodyExt as _;
        let client = crate::base::http_client::http_client().expect("a client");
        let body = async |key: &Key| {
            let request = key.add(
                client.post("http://localhost/"),
                "a \"b\".json",
                Media::of("a.json"),
                &Bytes::from_static(b"{}"),
            );
            let mut request = request.build().expect("a request");
            let headers = request.headers().clone();
            let body = request.body_mut().take().expect("a body").collect().await.expect("bytes").to_bytes();
            assert_eq!(headers[CONTENT_LENGTH], body.len().to_string());
            (
                headers[CONTENT_TYPE].to_str().expect("text").to_owned(),
                String::from_utf8(body.to_vec()).expect("text"),
            )
        };
        let one = key("a", "energy", "m.json", "{}", Ok("i"));
        let (kind, text) = body(&one).await;
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").expect("a boundary");
        assert_eq!(
            text,
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".json\"\r\n\
                 Content-Type: application/json\r\n\r\n{{}}\r\n--{boundary}--\r\n"
            )
        );
        assert_eq!(body(&one).await, (kind.clone(), text));
        assert_ne!(body(&one.after("r")).await.0, kind);
    }
}

//! The pages that a person sees.

use http::StatusCode;
use maud::{DOCTYPE, Markup, html};

use crate::answer::Answer;
use crate::api::Call;

/// Plain and readable on any screen, without a request for anything else.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}\
                     code{background:#eee;padding:.1em .3em}\
                     input,button{font:inherit;padding:.4em .6em;border:1px solid #777;border-radius:.3em}\
                     input{width:100%;box-sizing:border-box}button{background:#1a4f8b;color:#fff;cursor:pointer}\
                     [role=alert]{color:#a00}";

/// A whole page around this body.
pub(crate) fn page(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Validibot sandbox" }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (body)
            }
        }
    }
}

/// The front page.
pub(crate) fn home(call: &Call<'_>) -> Answer {
    let body = html! {
        p { "This is a stand-in Validibot for development and tests, in the " (call.state.edition().name()) " edition." }
        p { "Its API is below " code { (call.base_url()) "/api/v1/" } "; everything it knows is gone when it stops." }
    };
    Answer::html(StatusCode::OK, page("Validibot sandbox", &body).into_string())
}

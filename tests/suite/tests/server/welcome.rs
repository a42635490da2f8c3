//! The page at `/`: for a browser a page about this very server, for everyone else the descriptor.

use std::time::Duration;

use sandbox::Sandbox;
use suite::browser::Browser;
use suite::net::http_client;
use suite::process::{on_path, run};
use suite::server::Server;
use suite::{skip, workspace};
use tokio::process::Command;

#[tokio::test]
async fn a_browser_gets_a_page_and_a_program_gets_json() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).on_its_own_base_url().start().await;
    let get = async |accept: &str| {
        let request = http_client().get(server.base()).header("accept", accept);
        let response = request.send().await.expect("an answer");
        let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
        (kind, response.text().await.expect("a body"))
    };
    let (kind, page) = get("text/html,application/xhtml+xml,*/*;q=0.8").await;
    assert_eq!(kind, "text/html; charset=utf-8");
    assert!(page.contains(&server.mcp_url()), "it names this server's own URL");
    for accept in ["application/json", "*/*"] {
        assert_eq!(get(accept).await.0, "application/json", "{accept}");
    }
}

#[tokio::test]
async fn what_the_page_hands_out_is_python() {
    let python = on_path("python3").ok_or_else(|| "python3 is not on the PATH".to_owned());
    let Some(python) = skip::found("welcome::what_the_page_hands_out_is_python", python) else { return };
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).on_its_own_base_url().start().await;
    let answer =
        http_client().get(server.base()).header("accept", "text/html").send().await.expect("an answer");
    let page = answer.text().await.expect("a page");
    let start = page.find("import asyncio").expect("the code");
    let code = page[start..].split_once("</code>").expect("its end").0;
    let code = code.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let mut parse = Command::new(python);
    parse.args(["-c", "import ast, sys; ast.parse(sys.argv[1])", &code]);
    let _ = run(&mut parse, Duration::from_secs(30)).await.expect("it ends").expect_success(&code);
}

/// What Chrome sends when somebody types an address.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

#[tokio::test]
async fn whoever_opens_another_address_in_a_browser_gets_a_page_that_leads_home() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).on_its_own_base_url().start().await;
    for (path, status, header, words) in [
        ("/mcp", 401, Some("www-authenticate"), "This address is for MCP clients"),
        ("/nothing-here", 404, None, "Nothing is at this address"),
        ("/uploads", 405, Some("allow"), "This address is for programs"),
    ] {
        let url = format!("{}{path}", server.base());
        let answer = http_client().get(&url).header("accept", BROWSER).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{path}");
        assert!(
            header.is_none_or(|header| answer.headers().contains_key(header)),
            "{path}: {:?}",
            answer.headers()
        );
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8", "{path}");
        let page = answer.text().await.expect("a page");
        assert!(page.contains(words) && page.contains("href=\"/\""), "{path}: {page}");
        let program =
            http_client().get(&url).header("accept", "application/json").send().await.expect("an answer");
        assert_eq!(
            (program.status().as_u16(), &program.headers()["content-type"]),
            (status, &"application/json".parse().expect("a value"))
        );
    }
}

#[tokio::test]
async fn the_page_is_drawn() {
    let Some(browser) = skip::found("welcome::the_page_is_drawn", Browser::find()) else { return };
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).on_its_own_base_url().start().await;
    let folder = workspace().join("target/screenshots");
    std::fs::create_dir_all(&folder).expect("a folder");
    let png = folder.join("welcome.png");
    browser.screenshot(server.base(), &png).await.expect("a screenshot");
    let size = std::fs::metadata(&png).expect("a file").len();
    assert!(size > 10_000, "{size} bytes are no picture of a page");
}

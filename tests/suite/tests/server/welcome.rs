//! The page at `/`: for a browser a page about this very server, for everyone else the descriptor.

use sandbox::Sandbox;
use suite::browser::Browser;
use suite::net::http_client;
use suite::server::Server;
use suite::{skip, workspace};

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

//! Configurations of MCP clients, ready to paste.

/// How to connect Claude Code, Cursor, VS Code and Python to `url` with an API token.
pub(super) fn configurations(url: &str, token: &str) -> String {
    format!(
        r#"Claude Code:
  claude mcp add --transport http validibot {url} --header "Authorization: Bearer {token}"

Cursor, in .cursor/mcp.json:
  {{"mcpServers": {{"validibot": {{"url": "{url}", "headers": {{"Authorization": "Bearer {token}"}}}}}}}}

VS Code, in .vscode/mcp.json:
  {{"servers": {{"validibot": {{"type": "http", "url": "{url}", "headers": {{"Authorization": "Bearer {token}"}}}}}}}}

Python, after `pip install fastmcp`:
  import asyncio
  from fastmcp import Client

  async def main():
      async with Client("{url}", auth="{token}") as client:
          print(await client.call_tool("list_workflows"))

  asyncio.run(main())
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_configurations_are_json() {
        let text = configurations("http://localhost:8001/mcp", "vbk_1_a_b");
        let json: Vec<serde_json::Value> =
            text.lines().filter(|l| l.starts_with("  {")).map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(json[0]["mcpServers"]["validibot"]["url"], "http://localhost:8001/mcp");
        assert_eq!(json[1]["servers"]["validibot"]["headers"]["Authorization"], "Bearer vbk_1_a_b");
    }
}

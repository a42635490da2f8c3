//! Image references, as Cloud Run takes them.

/// Says what is wrong with an image reference: `HOST/PATH`, then `:TAG`, `@sha256:DIGEST` or both.
pub(super) fn check(image: &str) -> Result<(), String> {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    if let Some(digest) = digest {
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64 || !hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)) {
            return Err("the digest must be sha256: and 64 lower-case hex digits".into());
        }
    }
    let (host, path) = name.split_once('/').ok_or("a registry host and a path are needed")?;
    // Cloud Run pulls from these only; loopback is the emulator's own registry.
    let loopback = host.starts_with("127.0.0.1:") || host.starts_with("localhost:");
    let google = host == "gcr.io" || host.ends_with(".gcr.io") || host.ends_with("-docker.pkg.dev");
    if !(loopback || google || host == "docker.io") {
        return Err(format!(
            "expected an image path like [host/]repo-path[:tag and/or @digest], where host is one of [region.]gcr.io, \
             [region-]docker.pkg.dev or docker.io, not {host}"
        ));
    }
    let (path, tag) = match path.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (path, None),
    };
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if path.split('/').any(|part| part.is_empty() || !part.chars().all(legal)) {
        return Err("the path must be lower-case letters, digits, dots, underscores and hyphens".into());
    }
    let tag_legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if tag.is_some_and(|tag| tag.is_empty() || tag.len() > 128 || !tag.chars().all(tag_legal)) {
        return Err("the tag is not valid".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn references() {
        let digest = "a".repeat(64);
        assert!(check(&format!("us-west1-docker.pkg.dev/p/validibot/validibot-mcp@sha256:{digest}")).is_ok());
        assert!(check("127.0.0.1:5555/p/validibot/validibot-mcp:abc1234").is_ok());
        for wrong in
            ["UPPER/bad image", "validibot-mcp", "gcr.io/p/x@sha256:abc", "gcr.io/p/x:", "evil.example/p/x"]
        {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}

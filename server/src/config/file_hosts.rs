//! The hosts from which files are fetched that an agent's host hands over by their address.

use url::Host;

use super::source::Source;

/// Names of hosts, none of them an address. Empty: nothing is fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileHosts(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// This host.
    Host(String),
    /// Every host below this name, which begins with a dot.
    Below(String),
}

impl FileHosts {
    /// Whether nothing is fetched at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a file may be fetched from this host, as a parsed URL has it.
    pub(crate) fn allow(&self, host: &str) -> bool {
        self.0.iter().any(|entry| match entry {
            Entry::Host(name) => name == host,
            Entry::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (below, name) = text.strip_prefix("*.").map_or((false, text), |name| (true, name));
        let Ok(Host::Domain(name)) = Host::parse(name) else { return Err("is no host name") };
        // One label names a machine of this network, or a whole top-level domain.
        if !name.contains('.') || name.ends_with('.') || name.contains('*') {
            return Err("is not the whole name of a host");
        }
        Ok(if below { Self::Below(format!(".{name}")) } else { Self::Host(name) })
    }
}

pub(super) fn read(source: &mut Source<'_>) -> FileHosts {
    let variable = &envs::server::FILE_HOSTS;
    let mut hosts = Vec::new();
    for entry in source.list(variable) {
        match Entry::parse(&entry) {
            Ok(host) => hosts.push(host),
            Err(problem) => source.refuse(
                variable,
                &format!(
                    "holds {entry:?}, which {problem}: use names such as files.example.com or *.example.com"
                ),
            ),
        }
    }
    FileHosts(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_whole_names_or_all_below_one() {
        let of = |list: &[&str]| {
            FileHosts(list.iter().map(|text| Entry::parse(text).expect("an entry")).collect())
        };
        let hosts = of(&["Files.Example.com", "*.usercontent.example"]);
        for allowed in ["files.example.com", "a.usercontent.example", "a.b.usercontent.example"] {
            assert!(hosts.allow(allowed), "{allowed}");
        }
        for other in [
            "example.com",
            "a.files.example.com",
            "usercontent.example",
            ".usercontent.example",
            "evilusercontent.example",
            "files.example.com.evil.example",
            "files.example.com.",
            "",
        ] {
            assert!(!hosts.allow(other), "{other}");
        }
        assert!(!FileHosts::default().allow("files.example.com"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "*",
            "*.",
            "*.com",
            "localhost",
            "127.0.0.1",
            "0x7f.1",
            "[::1]",
            "https://files.example.com",
            "files.example.com/x",
            "files.example.com:443",
            "a.*.example.com",
            "files.example.com.",
        ] {
            assert!(Entry::parse(bad).is_err(), "{bad}");
        }
    }
}

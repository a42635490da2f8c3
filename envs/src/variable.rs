//! What is known about one variable.

use std::borrow::Cow;

use crate::Place;

/// One environment variable: who sets it, who reads it and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The name, as in the environment.
    pub name: &'static str,
    /// One line, in the present tense, without the name.
    pub doc: &'static str,
    /// The files that may hold it, the usual one first. Any variable can come from the process environment
    /// too, which wins over every file.
    pub held_in: &'static [HeldIn],
    /// The programs that read it.
    pub readers: &'static [Reader],
    /// The form of the value.
    pub kind: Kind,
    /// What holds where it is not set.
    pub fallback: Fallback,
    /// When it has to be set.
    pub required: Required,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// A value for the template; for a secret, a placeholder in angle brackets.
    pub example: &'static str,
    /// The example for environments that differ from a developer's machine.
    pub example_in: &'static [(Place, &'static str)],
    /// The kinds of environment whose files may hold it.
    pub places: &'static [Place],
    /// The kinds of environment in whose templates its line takes effect; in the others it is commented out.
    pub active_in: &'static [Place],
}

/// A kind of environment file. Each stage's folder has at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeldIn {
    /// Build and deploy switches, the gate above all.
    Build,
    /// The server's runtime file, uploaded as a secret and mounted at `/secrets/.env`.
    Mcp,
    /// Google Cloud project, region and prefix. A `.just` file is read as the same thing.
    Gcp,
    /// Credentials of the end-to-end suite.
    Test,
    /// No file: the process environment alone.
    Process,
}

/// A program of this workspace that reads a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// `validibot-mcp`.
    Server,
    /// `cargo xtask`.
    Xtask,
    /// The test suites.
    Suite,
    /// `validibot-sandbox`, the stand-in Validibot.
    Sandbox,
}

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Free text.
    Text,
    /// An on/off switch, see [`crate::parse_switch`].
    Switch,
    /// The build gate, see [`crate::parse_gate`].
    Gate,
    /// An absolute `http` or `https` URL.
    Url,
    /// A whole number.
    Integer,
    /// A TCP port, 0 to 65535.
    Port,
    /// A whole number from 1.
    Count,
    /// An IP address to listen on.
    Address,
    /// `address:port`, where a container's port is published.
    Publish,
    /// A Google Cloud project's id.
    ProjectId,
    /// A Google Cloud region.
    Region,
    /// What the names of resources begin with.
    Prefix,
    /// A host name without scheme and path.
    Host,
    /// Entries separated by commas.
    List,
    /// `id:base64,…`: named 32-byte keys, the first of which seals.
    KeyRing,
    /// One of these words, in any case.
    OneOf(&'static [&'static str]),
}

/// What holds where a variable is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: the feature it belongs to is off, or the variable is required.
    Nothing,
    /// This value.
    Value(&'static str),
    /// A value made from others; the text says how.
    Derived(&'static str),
}

/// When a variable has to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// Never.
    No,
    /// For the server to start at all. In an environment whose template comments it out, a deploy sets it.
    Always,
    /// In environments of these kinds; the text names the case.
    In(&'static [Place], &'static str),
    /// Where the variable of this name is set; a switch has to be on.
    With(&'static str),
    /// Where the variable of this name is set, and shorter than this number of bytes.
    WithShort(&'static str, usize),
    /// In the case that the text names, which only the reader can judge.
    When(&'static str),
}

impl Required {
    /// The case in which it is required, as it follows the word 'when'. `None` for never and always.
    pub fn case(self) -> Option<Cow<'static, str>> {
        match self {
            Self::No | Self::Always => None,
            Self::In(_, case) | Self::When(case) => Some(case.into()),
            Self::With(name) => {
                let switch = crate::find(name).is_some_and(|variable| variable.kind == Kind::Switch);
                Some(format!("{name} is {}", if switch { "true" } else { "set" }).into())
            }
            Self::WithShort(name, bytes) => Some(format!("{name} has fewer than {bytes} bytes").into()),
        }
    }
}

impl HeldIn {
    /// The file's name inside a stage's folder; `None` for the process environment.
    pub const fn file_name(self) -> Option<&'static str> {
        match self {
            Self::Build => Some(".build"),
            Self::Mcp => Some(".mcp"),
            Self::Gcp => Some(".gcp"),
            Self::Test => Some(".test"),
            Self::Process => None,
        }
    }
}

impl Reader {
    /// The program's name, as an operator types it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "validibot-mcp",
            Self::Xtask => "cargo xtask",
            Self::Suite => "cargo xtask test",
            Self::Sandbox => "validibot-sandbox",
        }
    }
}

/// What the application's placeholders begin with.
const WORDS: [&str; 8] =
    ["replace-", "replace_", "change-me", "change_me", "changeme", "your-", "your_", "!!!"];
/// The placeholders for a domain in its templates.
const DOMAINS: [&str; 3] = ["your-domain", "your-subdomain", "yourdomain"];

impl Variable {
    /// What most variables are: text in the server's own file, neither required nor secret.
    pub(crate) const OPTIONAL: Self = Self {
        name: "",
        doc: "",
        held_in: &[HeldIn::Mcp],
        readers: &[Reader::Server],
        kind: Kind::Text,
        fallback: Fallback::Nothing,
        required: Required::No,
        secret: false,
        example: "",
        example_in: &[],
        places: &Place::ALL,
        active_in: &[],
    };

    /// Whether it has to be set in an environment of this kind. `value` reads another variable there; a blank value
    /// counts as not set.
    pub fn is_required(&self, place: Place, value: &dyn Fn(&Self) -> Option<String>) -> bool {
        let other = |name: &str| {
            let variable = crate::find(name)?;
            let text = value(variable).filter(|text| !text.trim().is_empty())?;
            let off = variable.kind == Kind::Switch && crate::parse_switch(&text) != Some(true);
            (!off).then_some(text)
        };
        match self.required {
            Required::No | Required::When(_) => false,
            Required::Always => self.active_in.contains(&place),
            Required::In(places, _) => places.contains(&place),
            Required::With(name) => other(name).is_some(),
            Required::WithShort(name, bytes) => other(name).is_some_and(|text| text.len() < bytes),
        }
    }

    /// The value in the template of an environment of this kind.
    pub fn example_for(&self, place: Place) -> &'static str {
        self.example_in.iter().find(|(known, _)| *known == place).map_or(self.example, |(_, example)| example)
    }

    /// Whether a value is a template's placeholder: ours, such as `<a long random string>`, or one of the application's
    /// templates, such as `replace-with-a-long-random-string` or `your-gcp-project-id`. Such a text is public, so no key
    /// may be derived from it.
    pub fn is_placeholder(value: &str) -> bool {
        let value = value.trim().to_ascii_lowercase();
        let ours = value.len() > 2 && value.starts_with('<') && value.ends_with('>');
        let begins = value.rsplit_once("://").map_or(value.as_str(), |(_, rest)| rest);
        let host = begins.split(['/', ':', '?', '#']).next().unwrap_or_default();
        let begun = || WORDS.iter().any(|words| begins.starts_with(words));
        ours || begun() || host.split('.').any(|label| DOMAINS.contains(&label))
    }

    /// Whether a value of this variable is an example of the templates, which belongs to nobody: a host that is reserved
    /// for documentation (RFC 2606, section 3), or the example's project.
    pub fn is_example(&self, value: &str) -> bool {
        let value = value.trim();
        match self.kind {
            Kind::Url => {
                let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
                let host = rest.split(['/', ':', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
                ["example.com", "example.org", "example.net"].iter().any(|reserved| {
                    host.strip_suffix(reserved).is_some_and(|left| left.is_empty() || left.ends_with('.'))
                })
            }
            Kind::ProjectId => value == self.example,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_s_text_is_told_from_a_value() {
        for text in [
            "replace-me-with-a-long-random-string",
            "!!!SET DJANGO_SECRET_KEY!!!",
            "https://mcp.your-domain.example",
            "https://your-subdomain.example.com/",
            "<a long random string>",
            "replace-with-a-long-random-string",
            "Replace_With_Something",
            "your-gcp-project-id",
            "https://your-domain.test",
            " changeme ",
        ] {
            assert!(Variable::is_placeholder(text), "{text}");
        }
        for text in ["", "<>", "a<b>", "acme-prod", "https://mcp.acme.test", "not-your-key"] {
            assert!(!Variable::is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn an_address_of_nobody_is_an_example() {
        let (url, project) =
            (crate::find("VALIDIBOT_MCP_BASE_URL").unwrap(), crate::find("GCP_PROJECT_ID").unwrap());
        for text in ["https://mcp.example.com", "http://EXAMPLE.org:8001/x", "https://a.b.example.net"] {
            assert!(url.is_example(text), "{text}");
        }
        for text in ["https://mcp.example.community", "https://myexample.com", "http://web:8000", ""] {
            assert!(!url.is_example(text), "{text}");
        }
        assert!(project.is_example("my-project") && !project.is_example("my-projects"));
    }
}

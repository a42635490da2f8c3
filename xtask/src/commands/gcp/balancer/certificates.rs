//! Which certificates the HTTPS proxy is to have.
//!
//! A new one is ordered for every name that is served already and the new name, and stands beside the old one: a
//! certificate that is not active yet serves nobody. The old one goes when the new one is active.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::last;

/// A certificate, as gcloud prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Certificate {
    pub(super) name: String,
    /// `None` for one that somebody uploaded.
    managed: Option<Managed>,
    subject_alternative_names: Vec<String>,
    creation_timestamp: String,
}

/// What Google says of a certificate that it renews.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Managed {
    domains: Vec<String>,
    status: String,
    /// Of each name, whether Google saw it lead here.
    domain_status: BTreeMap<String, String>,
}

/// The most names that a certificate of Google's can have
/// (<https://cloud.google.com/load-balancing/docs/quotas#ssl_certificates>).
const MOST: usize = 100;

/// The most certificates that an HTTPS proxy can have (the same page).
const MOST_OF_A_PROXY: usize = 15;

/// What becomes of the proxy's certificates.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// A certificate to order: its name, and the names that it is for.
    pub(super) order: Option<(String, Vec<String>)>,
    /// A certificate that the proxy is to have and has not.
    pub(super) attach: Option<String>,
    /// The ones that the proxy does not need any more.
    pub(super) detach: Vec<String>,
    /// The one that the new name is served with once it is active, and how far it is.
    pub(super) waits_for: Option<(String, String)>,
    /// The names that it waits for, with what Google says of each.
    pub(super) unseen: Vec<(String, String)>,
    /// Whether a certificate that Google issued for the name is active: it saw the name lead here.
    pub(super) vouched: bool,
    /// The proxy's certificates afterwards.
    pub(super) all: Vec<String>,
}

impl Certificate {
    /// Whether it is good for this name.
    fn covers(&self, domain: &str) -> bool {
        let matches = |name: &str| {
            name.eq_ignore_ascii_case(domain)
                || name.strip_prefix("*.").is_some_and(|parent| {
                    domain.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
                })
        };
        self.domains().any(matches)
    }

    fn domains(&self) -> impl Iterator<Item = &str> {
        let managed = self.managed.iter().flat_map(|managed| &managed.domains);
        managed.chain(&self.subject_alternative_names).map(String::as_str)
    }

    /// Whether it serves. An uploaded one always does.
    fn is_active(&self) -> bool {
        self.managed.as_ref().is_none_or(|managed| managed.status == "ACTIVE")
    }

    /// Whether Google has given it up.
    fn has_failed(&self) -> bool {
        self.managed.as_ref().is_some_and(|managed| managed.status == "PROVISIONING_FAILED_PERMANENTLY")
    }

    /// Whether another one of Google's makes it superfluous: names no more, and came later where they are the same.
    fn is_replaced_by(&self, other: &Self) -> bool {
        let (mine, others): (BTreeSet<_>, BTreeSet<_>) =
            (self.domains().collect(), other.domains().collect());
        let age = (&self.creation_timestamp, &self.name) < (&other.creation_timestamp, &other.name);
        self.managed.is_some() && other.is_active() && mine.is_subset(&others) && (mine != others || age)
    }
}

/// Works it out from the links of the proxy's certificates and from all that there are. `prefix` begins the name of a new
/// one. The error says why nothing can be done.
pub(super) fn change(
    domain: &str,
    links: &[String],
    there: &[Certificate],
    prefix: &str,
) -> Result<Change, Vec<String>> {
    let attached = attached(links, there)?;
    let mut change =
        Change { all: attached.iter().map(|one| one.name.clone()).collect(), ..Change::default() };
    let covering: Vec<_> =
        attached.iter().filter(|one| one.covers(domain) && !one.has_failed()).copied().collect();
    if covering.is_empty() {
        let mut domains: BTreeSet<&str> =
            attached.iter().filter(|one| one.managed.is_some()).flat_map(|one| one.domains()).collect();
        domains.insert(domain);
        if domains.len() > MOST {
            return Err(vec![format!(
                "a certificate of Google's has at most {MOST} names, and this one would have {}",
                domains.len()
            )]);
        }
        let name = format!("{prefix}-{}", mark(&domains));
        let whole = |one: &&Certificate| domains.is_subset(&one.domains().collect());
        let mut ready: Vec<_> =
            there.iter().filter(|one| one.managed.is_some() && !one.has_failed()).filter(whole).collect();
        ready.sort_by_key(|one| &one.creation_timestamp);
        let waits = if let Some(one) = ready.last() {
            (one.name.clone(), one.managed.as_ref().map(|managed| managed.status.clone()).unwrap_or_default())
        } else if there.iter().any(|one| one.name == name) {
            return Err(vec![format!(
                "the certificate {name} has failed for ever: take it off the proxy and delete it \
                 (gcloud compute ssl-certificates delete {name}), then type the same command again"
            )]);
        } else {
            change.order = Some((name.clone(), domains.into_iter().map(str::to_owned).collect()));
            (name, "not ordered yet".to_owned())
        };
        change.attach = Some(waits.0.clone());
        change.all.push(waits.0.clone());
        change.waits_for = Some(waits);
        if change.all.len() > MOST_OF_A_PROXY {
            return Err(vec![format!(
                "the HTTPS proxy has {} certificates, and can have {MOST_OF_A_PROXY}: take one off that no name needs any more",
                change.all.len() - 1
            )]);
        }
        return Ok(change);
    }
    for one in &attached {
        if covering.iter().any(|other| other.name != one.name && one.is_replaced_by(other)) {
            change.detach.push(one.name.clone());
        }
    }
    change.all.retain(|name| !change.detach.contains(name));
    change.vouched = covering.iter().any(|one| one.managed.is_some() && one.is_active());
    if !covering.iter().any(|one| one.is_active()) {
        let waiting = covering.last().and_then(|one| one.managed.as_ref());
        let unseen = waiting.into_iter().flat_map(|managed| &managed.domain_status);
        change.unseen = unseen
            .filter(|(_, status)| *status != "ACTIVE")
            .map(|(name, status)| (name.clone(), status.clone()))
            .collect();
        let status = |one: &Certificate| one.managed.as_ref().map(|managed| managed.status.clone());
        change.waits_for = covering.last().map(|one| (one.name.clone(), status(one).unwrap_or_default()));
    }
    Ok(change)
}

/// The proxy's certificates. One that is not among all that there are makes the answer worthless.
fn attached<'a>(links: &[String], there: &'a [Certificate]) -> Result<Vec<&'a Certificate>, Vec<String>> {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for link in links {
        match there.iter().find(|one| one.name == last(link)) {
            Some(one) => found.push(one),
            None => {
                missing.push(format!("the proxy's certificate {} is not among the project's", last(link)));
            }
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(missing) }
}

/// The same names give the same mark: what an interrupted command has ordered is found again.
fn mark(domains: &BTreeSet<&str>) -> String {
    let text = domains.iter().copied().collect::<Vec<_>>().join(",");
    hmac_sha256::Hash::hash(text.as_bytes())[..4]
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn managed(name: &str, domains: &[&str], status: &str) -> Certificate {
        let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        Certificate {
            name: name.to_owned(),
            managed: Some(Managed { domains, status: status.to_owned(), domain_status: BTreeMap::new() }),
            creation_timestamp: name.to_owned(),
            ..Certificate::default()
        }
    }

    fn links(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| format!("https://x/projects/p/global/sslCertificates/{name}")).collect()
    }

    #[test]
    fn a_new_name_orders_one_for_all_names_and_keeps_the_old_one() {
        let there = [managed("a", &["app.acme.example", "www.acme.example"], "ACTIVE")];
        let first = change("mcp.acme.example", &links(&["a"]), &there, "cert").unwrap();
        let (name, domains) = first.order.clone().unwrap();
        assert_eq!(domains, ["app.acme.example", "mcp.acme.example", "www.acme.example"]);
        assert_eq!(first.all, ["a".to_owned(), name.clone()]);
        assert_eq!(first.detach, [""; 0]);

        // Interrupted after the order: it is found again, attached, and nothing is ordered.
        let all: Vec<&str> = domains.iter().map(String::as_str).collect();
        let mut there = there.to_vec();
        there.push(managed(&name, &all, "PROVISIONING"));
        let second = change("mcp.acme.example", &links(&["a"]), &there, "cert").unwrap();
        assert_eq!((second.order, second.attach.as_ref()), (None, Some(&name)));

        // Attached, not active: nothing but waiting.
        let third = change("mcp.acme.example", &links(&["a", &name]), &there, "cert").unwrap();
        assert_eq!((third.attach, third.detach), (None, Vec::new()));
        assert_eq!(third.waits_for, Some((name.clone(), "PROVISIONING".to_owned())));

        // Active: the old one goes. Gone: nothing.
        there[1] = managed(&name, &all, "ACTIVE");
        let fourth = change("mcp.acme.example", &links(&["a", &name]), &there, "cert").unwrap();
        assert_eq!((fourth.detach, fourth.all), (vec!["a".to_owned()], vec![name.clone()]));
        let fifth = change("mcp.acme.example", &links(&[&name]), &there, "cert").unwrap();
        assert_eq!(fifth, Change { all: vec![name], vouched: true, ..Change::default() });
    }

    #[test]
    fn what_covers_the_name_is_enough_and_uploaded_ones_never_go() {
        let uploaded = Certificate {
            name: "own".into(),
            subject_alternative_names: vec!["*.acme.example".into()],
            ..Certificate::default()
        };
        let there = [uploaded, managed("wide", &["a.acme.example", "mcp.acme.example"], "ACTIVE")];
        let one = change("mcp.acme.example", &links(&["own"]), &there, "cert").unwrap();
        assert_eq!((one.order, one.attach, one.waits_for), (None, None, None));
        let both = change("mcp.acme.example", &links(&["own", "wide"]), &there, "cert").unwrap();
        assert_eq!(both.detach, [""; 0], "of another's names nothing is known to be covered");
        assert!(change("deep.mcp.acme.example", &links(&["own"]), &there, "cert").unwrap().order.is_some());
    }

    #[test]
    fn a_full_proxy_is_told_before_anything_is_ordered_and_names_that_do_not_lead_here_are_named() {
        let names: Vec<String> = (0..15).map(|number| format!("c{number}")).collect();
        let there: Vec<_> = names.iter().map(|name| managed(name, &["app.acme.example"], "ACTIVE")).collect();
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        let said = change("m.acme.example", &links(&all), &there, "cert").unwrap_err();
        assert!(said[0].contains("can have 15"), "{said:?}");
        assert!(change("m.acme.example", &links(&all[1..]), &there, "cert").is_ok());

        let mut waiting = managed("w", &["m.acme.example", "old.acme.example"], "PROVISIONING");
        let said = [("m.acme.example", "ACTIVE"), ("old.acme.example", "FAILED_NOT_VISIBLE")];
        if let Some(managed) = &mut waiting.managed {
            managed.domain_status = said.map(|(name, status)| (name.to_owned(), status.to_owned())).into();
        }
        let found = change("m.acme.example", &links(&["w"]), &[waiting], "cert").unwrap();
        assert_eq!(found.unseen, [("old.acme.example".to_owned(), "FAILED_NOT_VISIBLE".to_owned())]);
        assert!(!found.vouched);
    }

    #[test]
    fn what_cannot_be_known_or_has_failed_is_said() {
        assert!(change("m.acme.example", &links(&["gone"]), &[], "cert").is_err());
        let name = format!("cert-{}", mark(&BTreeSet::from(["m.acme.example"])));
        let failed = managed(&name, &["m.acme.example"], "PROVISIONING_FAILED_PERMANENTLY");
        let said = change("m.acme.example", &[], &[failed], "cert").unwrap_err();
        assert!(said[0].contains("failed for ever"), "{said:?}");
    }
}

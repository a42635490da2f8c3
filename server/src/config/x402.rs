//! Settings of payments with x402.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use envs::x402 as var;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use url::Url;

use super::source::Source;
use super::url::BaseUrl;

/// How agents without an account pay.
#[derive(Debug)]
pub struct X402Settings {
    /// Who is paid: `0x` and 40 hexadecimal digits.
    pub pay_to: String,
    /// The network, as CAIP-2 names it: `eip155:<chain id>`.
    pub network: String,
    /// The chain id of the network.
    pub chain_id: u64,
    /// The token's contract.
    pub asset: String,
    /// The token's name in its EIP-712 domain.
    pub asset_name: String,
    /// The token's version in its EIP-712 domain.
    pub asset_version: String,
    /// Who verifies and settles.
    pub facilitator: BaseUrl,
    /// How this server proves itself to Coinbase's facilitator; others want no proof.
    pub cdp_key: Option<CdpKey>,
    /// A node of the network, where settled payments are looked up. Such URLs often hold a key.
    pub rpc_url: SecretString,
    /// Validibot's API for agents that pay (contract, A8).
    pub agent_api_base_url: BaseUrl,
}

/// An API key of Coinbase's developer platform.
#[derive(Debug)]
pub struct CdpKey {
    /// Its id.
    pub id: String,
    /// An Ed25519 key: 32 bytes of seed, 32 of public key.
    pub secret: SecretBox<[u8; 64]>,
}

/// Why the rest has to be there.
const WHY: &str = "VALIDIBOT_X402_ENABLED is true";

/// What is known of a network.
struct Known {
    network: &'static str,
    usdc: &'static str,
    /// Not the same on the two networks.
    name: &'static str,
    facilitator: &'static str,
}

const CDP_HOST: &str = "api.cdp.coinbase.com";
const CDP: &str = "https://api.cdp.coinbase.com/platform/v2/x402";

const KNOWN: [Known; 2] = [
    Known {
        network: "eip155:8453",
        usdc: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        name: "USD Coin",
        facilitator: CDP,
    },
    Known {
        network: "eip155:84532",
        usdc: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
        name: "USDC",
        facilitator: "https://www.x402.org/facilitator",
    },
];

/// `None` where payments are off, or where something is wrong with them, which the source has noted.
///
/// `sealed` tells whether there is a key ring: runs that were paid for are read with sealed references.
pub(super) fn read(
    source: &mut Source<'_>,
    base_url: Option<&BaseUrl>,
    api_base_url: Option<&BaseUrl>,
    sealed: bool,
) -> Option<X402Settings> {
    if !source.switch(&var::ENABLED)? {
        return None;
    }
    // A malformed ring has been noted.
    if !sealed && source.secret(&envs::oauth::SEAL_KEYS).is_none() {
        source.missing(&envs::oauth::SEAL_KEYS, WHY);
    }
    if base_url.is_some_and(|base| !is_private(base)) {
        source.refuse(
            &envs::server::MCP_BASE_URL,
            "is plain http on another host: an eavesdropper on the network can use the payments",
        );
    }
    let pay_to = address(source, &var::PAY_TO_ADDRESS, Some(WHY));
    let network = source.text(&var::NETWORK).unwrap_or_default();
    let chain_id = network.strip_prefix("eip155:").and_then(|id| id.parse().ok());
    if chain_id.is_none() {
        source.refuse(&var::NETWORK, "is no network of the form eip155:<chain id>");
    }
    let known = KNOWN.iter().find(|known| known.network == network);
    let unknown = "the network is neither Base nor its testnet";
    let asset = address(source, &var::ASSET, known.is_none().then_some(unknown))
        .or_else(|| known.map(|known| known.usdc.to_owned()));
    let usdc =
        known.filter(|known| asset.as_ref().is_some_and(|asset| asset.eq_ignore_ascii_case(known.usdc)));
    let asset_name = source.text(&var::ASSET_NAME).or_else(|| usdc.map(|known| known.name.to_owned()));
    if asset_name.is_none() {
        source.missing(&var::ASSET_NAME, "the token is not USDC on Base or its testnet");
    }
    let asset_version = source.text(&var::ASSET_VERSION);
    let facilitator = match source.text(&var::FACILITATOR_URL) {
        Some(_) => source.base_url(&var::FACILITATOR_URL),
        None => BaseUrl::parse(known.map_or(CDP, |known| known.facilitator)).ok(),
    };
    if facilitator.as_ref().is_some_and(|url| !is_private(url)) {
        source.refuse(
            &var::FACILITATOR_URL,
            "is plain http on another host than this one: payments need https",
        );
    }
    let cdp_key = cdp_key(source, facilitator.as_ref());
    let rpc_url = rpc_url(source);
    let agent_api_base_url = source.base_url(&var::AGENT_API_BASE_URL).or_else(|| api_base_url.cloned());
    Some(X402Settings {
        pay_to: pay_to?,
        network,
        chain_id: chain_id?,
        asset: asset?,
        asset_name: asset_name?,
        asset_version: asset_version?,
        facilitator: facilitator?,
        cdp_key,
        rpc_url: rpc_url?,
        agent_api_base_url: agent_api_base_url?,
    })
}

/// Whether nobody on the way can read along.
fn is_private(url: &BaseUrl) -> bool {
    url.is_https() || url.is_loopback()
}

/// An address; `why` it has to be there, if it has to.
fn address(source: &mut Source<'_>, variable: &envs::Variable, why: Option<&str>) -> Option<String> {
    let Some(text) = source.text(variable) else {
        if let Some(why) = why {
            source.missing(variable, why);
        }
        return None;
    };
    let digits = text.strip_prefix("0x").unwrap_or_default();
    if digits.len() != 40 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        source.refuse(variable, "is no address: 0x and 40 hexadecimal digits");
    } else if digits.bytes().all(|byte| byte == b'0') {
        source.refuse(variable, "is the zero address, which no one can spend from");
    } else {
        return Some(text);
    }
    None
}

fn cdp_key(source: &mut Source<'_>, facilitator: Option<&BaseUrl>) -> Option<CdpKey> {
    let (id, secret) = (source.text(&var::CDP_KEY_ID), source.secret(&var::CDP_KEY_SECRET));
    let at_cdp = facilitator.is_some_and(|url| url.host() == CDP_HOST);
    if id.is_none() && (at_cdp || secret.is_some()) {
        source.missing(&var::CDP_KEY_ID, "the facilitator is Coinbase's, or its key's secret is set");
    }
    if secret.is_none() && (at_cdp || id.is_some()) {
        source.missing(&var::CDP_KEY_SECRET, "the facilitator is Coinbase's, or its key's id is set");
    }
    let bytes = STANDARD.decode(secret.as_ref()?.expose_secret().trim()).ok();
    let Some(secret) = bytes.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok()) else {
        source.refuse(
            &var::CDP_KEY_SECRET,
            "is no Ed25519 key (base64 of 64 bytes): choose Ed25519 when you create the API key",
        );
        return None;
    };
    let (seed, public) = secret.split_at(32);
    if Ed25519KeyPair::from_seed_and_public_key(seed, public).is_err() {
        source.refuse(&var::CDP_KEY_SECRET, "is no Ed25519 key: its two halves do not belong together");
        return None;
    }
    Some(CdpKey { id: id?, secret: SecretBox::new(Box::new(secret)) })
}

/// A URL with whatever key in its path or query its provider gave out.
fn rpc_url(source: &mut Source<'_>) -> Option<SecretString> {
    let Some(text) = source.secret(&var::RPC_URL) else {
        source.missing(&var::RPC_URL, WHY);
        return None;
    };
    let good = Url::parse(text.expose_secret()).is_ok_and(|url| {
        let loopback =
            BaseUrl::parse(&url.origin().ascii_serialization()).is_ok_and(|base| is_private(&base));
        url.has_host() && loopback
    });
    if !good {
        source.refuse(&var::RPC_URL, "is no https URL (http is for this machine alone)");
        return None;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::super::{Problems, Settings};

    const PAYEE: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";

    fn load(extra: &[(&str, &str)]) -> Result<Settings, Problems> {
        let base = [
            ("VALIDIBOT_API_BASE_URL", "http://127.0.0.1:8000"),
            ("VALIDIBOT_MCP_BASE_URL", "http://localhost:8001"),
        ];
        let env: BTreeMap<String, String> =
            base.iter().chain(extra).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Settings::load(&env, Path::new("/there/is/no/such/file")).map(|loaded| loaded.settings)
    }

    fn on<'a>(extra: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        [
            &[
                ("VALIDIBOT_X402_ENABLED", "true"),
                ("VALIDIBOT_X402_PAY_TO_ADDRESS", PAYEE),
                ("VALIDIBOT_X402_NETWORK", "eip155:84532"),
                ("VALIDIBOT_X402_RPC_URL", "https://rpc.example/v2/hush"),
                ("VALIDIBOT_MCP_SEAL_KEYS", "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            ],
            extra,
        ]
        .concat()
    }

    #[test]
    fn payments_are_off_unless_they_are_switched_on() {
        assert!(load(&[]).expect("valid").x402.is_none());
        assert!(load(&[("VALIDIBOT_X402_PAY_TO_ADDRESS", "nonsense")]).expect("off").x402.is_none());
    }

    #[test]
    fn the_testnet_needs_a_payee_and_a_node_and_the_rest_follows() {
        let settings = load(&on(&[])).expect("valid");
        let x402 = settings.x402.as_ref().expect("on");
        assert_eq!((x402.chain_id, x402.asset_name.as_str()), (84532, "USDC"));
        assert_eq!(x402.facilitator.as_str(), "https://www.x402.org/facilitator");
        assert_eq!(x402.agent_api_base_url.as_str(), "http://127.0.0.1:8000");
        assert!(!format!("{settings:?}").contains("hush"), "a node's URL often holds a key");
    }

    #[test]
    fn coinbases_facilitator_needs_a_key_and_every_fault_is_said_at_once() {
        let found = load(&[
            ("VALIDIBOT_X402_ENABLED", "true"),
            ("VALIDIBOT_MCP_BASE_URL", "http://mcp.example"),
            ("VALIDIBOT_X402_PAY_TO_ADDRESS", "0x0000000000000000000000000000000000000000"),
            ("VALIDIBOT_X402_RPC_URL", "http://rpc.example/hush"),
            ("VALIDIBOT_X402_CDP_KEY_SECRET", "aHVzaA=="),
        ])
        .expect_err("refused")
        .to_string();
        for part in [
            "VALIDIBOT_MCP_BASE_URL is plain http",
            "VALIDIBOT_MCP_SEAL_KEYS is not set",
            "VALIDIBOT_X402_PAY_TO_ADDRESS is the zero address",
            "VALIDIBOT_X402_CDP_KEY_ID is not set",
            "VALIDIBOT_X402_CDP_KEY_SECRET is no Ed25519 key",
            "VALIDIBOT_X402_RPC_URL is no https URL",
        ] {
            assert!(found.contains(part), "{part:?} is missing in:\n{found}");
        }
        assert!(!found.contains("hush") && !found.contains("aHVzaA"), "{found}");
    }

    #[test]
    fn a_key_whose_halves_differ_is_refused() {
        let halves =
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
        let key = [("VALIDIBOT_X402_CDP_KEY_ID", "an-id"), ("VALIDIBOT_X402_CDP_KEY_SECRET", halves)];
        let found = load(&on(&key)).expect_err("refused").to_string();
        assert!(found.contains("do not belong together"), "{found}");
    }

    #[test]
    fn an_unknown_network_or_token_has_to_be_described() {
        let found = load(&on(&[("VALIDIBOT_X402_NETWORK", "eip155:1")])).expect_err("refused").to_string();
        assert!(found.contains("VALIDIBOT_X402_ASSET is not set"), "{found}");
        assert!(found.contains("VALIDIBOT_X402_ASSET_NAME is not set"), "{found}");
        let found = load(&on(&[("VALIDIBOT_X402_NETWORK", "base")])).expect_err("refused").to_string();
        assert!(found.contains("VALIDIBOT_X402_NETWORK is no network"), "{found}");
    }
}

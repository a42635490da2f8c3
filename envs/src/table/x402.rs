//! What the server reads for payments with x402. `VALIDIBOT_X402_ENABLED` switches them on.

use crate::{Fallback, Kind, Required, Variable};

/// Every variable of this area.
pub const ALL: &[&Variable] = &[
    &ENABLED,
    &PAY_TO_ADDRESS,
    &NETWORK,
    &ASSET,
    &ASSET_NAME,
    &ASSET_VERSION,
    &FACILITATOR_URL,
    &CDP_KEY_ID,
    &CDP_KEY_SECRET,
    &RPC_URL,
    &AGENT_API_BASE_URL,
];

/// When a variable is needed that has no default.
const ON: Required = Required::With("VALIDIBOT_X402_ENABLED");

/// `VALIDIBOT_X402_ENABLED`
pub const ENABLED: Variable = Variable {
    name: "VALIDIBOT_X402_ENABLED",
    doc: "Payments: true opens /public-mcp, where an agent without an account pays for each validation",
    kind: Kind::Switch,
    fallback: Fallback::Value("false"),
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_X402_PAY_TO_ADDRESS`
pub const PAY_TO_ADDRESS: Variable = Variable {
    name: "VALIDIBOT_X402_PAY_TO_ADDRESS",
    doc: "Wallet that is paid, 0x and 40 hexadecimal digits; the same as in Validibot's settings",
    required: ON,
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_X402_NETWORK`
pub const NETWORK: Variable = Variable {
    name: "VALIDIBOT_X402_NETWORK",
    doc: "Network of the payments as eip155:<chain id>: eip155:8453 is Base, eip155:84532 its testnet",
    fallback: Fallback::Value("eip155:8453"),
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_X402_ASSET`
pub const ASSET: Variable = Variable {
    name: "VALIDIBOT_X402_ASSET",
    doc: "Contract of the token that is paid with: a US dollar of six decimals with EIP-3009",
    fallback: Fallback::Derived("USDC, on Base and its testnet"),
    required: Required::When("the network is neither Base nor its testnet"),
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_X402_ASSET_NAME`
pub const ASSET_NAME: Variable = Variable {
    name: "VALIDIBOT_X402_ASSET_NAME",
    doc: "The token's name in its EIP-712 domain; a wrong one makes every signature invalid",
    fallback: Fallback::Derived("USDC's, on Base and its testnet"),
    required: Required::When("VALIDIBOT_X402_ASSET is another token"),
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_X402_ASSET_VERSION`
pub const ASSET_VERSION: Variable = Variable {
    name: "VALIDIBOT_X402_ASSET_VERSION",
    doc: "The token's version in its EIP-712 domain",
    fallback: Fallback::Value("2"),
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_X402_FACILITATOR_URL`
pub const FACILITATOR_URL: Variable = Variable {
    name: "VALIDIBOT_X402_FACILITATOR_URL",
    doc: "Facilitator that verifies and settles payments",
    kind: Kind::Url,
    fallback: Fallback::Derived(
        "https://api.cdp.coinbase.com/platform/v2/x402; on Base's testnet https://www.x402.org/facilitator",
    ),
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_X402_CDP_KEY_ID`
pub const CDP_KEY_ID: Variable = Variable {
    name: "VALIDIBOT_X402_CDP_KEY_ID",
    doc: "Id of the API key that proves this server to Coinbase's facilitator",
    required: Required::When("the facilitator is api.cdp.coinbase.com"),
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_X402_CDP_KEY_SECRET`
pub const CDP_KEY_SECRET: Variable = Variable {
    name: "VALIDIBOT_X402_CDP_KEY_SECRET",
    doc: "Secret of that key, an Ed25519 key as base64 of 64 bytes",
    required: Required::With("VALIDIBOT_X402_CDP_KEY_ID"),
    secret: true,
    example: "<the secret of an Ed25519 API key>",
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_X402_RPC_URL`
pub const RPC_URL: Variable = Variable {
    name: "VALIDIBOT_X402_RPC_URL",
    doc: "JSON-RPC of a node of the network, where a payment whose answer was lost is found again; often with a key in it",
    required: ON,
    secret: true,
    example: "<https://the JSON-RPC endpoint of a node>",
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_AGENT_API_BASE_URL`
pub const AGENT_API_BASE_URL: Variable = Variable {
    name: "VALIDIBOT_AGENT_API_BASE_URL",
    doc: "Base URL of Validibot's API for agents that pay",
    kind: Kind::Url,
    fallback: Fallback::Derived("VALIDIBOT_API_BASE_URL"),
    ..Variable::OPTIONAL
};

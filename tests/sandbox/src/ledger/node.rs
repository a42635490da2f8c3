//! JSON-RPC of a node: the few questions that a look-up of a payment takes.

use serde_json::{Value, json};

use super::book::{Book, Transfer, hash};

/// keccak256 of `AuthorizationUsed(address,bytes32)`.
const AUTHORIZATION_USED: &str = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";
/// keccak256 of `Transfer(address,address,uint256)`.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/// Public nodes search no more blocks at once.
const MOST_BLOCKS: u64 = 2000;
/// The chain id of Base's testnet.
const CHAIN_ID: u64 = 84532;

pub(super) fn answer(book: &mut Book, question: &Value) -> Value {
    let params = &question["params"];
    let result = match question["method"].as_str().unwrap_or_default() {
        "eth_chainId" => Ok(json!(quantity(CHAIN_ID))),
        "eth_getBlockByNumber" => Ok(block(&params[0])),
        "eth_getLogs" => logs(book, &params[0]),
        "eth_getTransactionReceipt" => Ok(receipt(book, &params[0])),
        _ => Err("There is no such method."),
    };
    let id = &question["id"];
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(message) => {
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32000, "message": message } })
        }
    }
}

fn block(which: &Value) -> Value {
    let number = position(which);
    if number > Book::latest() {
        return Value::Null;
    }
    json!({ "number": quantity(number), "timestamp": quantity(Book::timestamp(number)), "transactions": [] })
}

fn logs(book: &Book, filter: &Value) -> Result<Value, &'static str> {
    let (from, to) = (position(&filter["fromBlock"]), position(&filter["toBlock"]));
    if to.saturating_sub(from) >= MOST_BLOCKS {
        return Err("The range has too many blocks.");
    }
    let logs = book.transfers().into_iter().filter(|transfer| (from..=to).contains(&transfer.block));
    let logs = logs.flat_map(|transfer| events(&transfer)).filter(|log| {
        let same = |left: &Value, right: &Value| {
            left.as_str().zip(right.as_str()).is_some_and(|(left, right)| left.eq_ignore_ascii_case(right))
        };
        let topics = filter["topics"].as_array().map(Vec::as_slice).unwrap_or_default();
        same(&log["address"], &filter["address"])
            && topics.iter().enumerate().all(|(n, topic)| topic.is_null() || same(&log["topics"][n], topic))
    });
    Ok(logs.collect())
}

fn receipt(book: &Book, transaction: &Value) -> Value {
    let transfers = book.transfers();
    let Some(transfer) = transfers.iter().find(|transfer| transaction == &transfer.transaction) else {
        return Value::Null;
    };
    json!({ "transactionHash": transaction, "status": "0x1", "logs": events(transfer) })
}

/// As the token writes them: the use of the authorization, then the transfer.
fn events(transfer: &Transfer) -> [Value; 2] {
    let log = |index: u64, topics: [&str; 3], data: &str| {
        json!({
            "address": transfer.contract,
            "topics": topics,
            "data": data,
            "blockNumber": quantity(transfer.block),
            "blockHash": hash(&["block", &transfer.block.to_string()]),
            "transactionHash": transfer.transaction,
            "logIndex": quantity(index),
        })
    };
    let (from, to) = (word(&transfer.from), word(&transfer.to));
    let value = format!("0x{:064x}", transfer.value);
    [log(4, [AUTHORIZATION_USED, &from, &transfer.nonce], "0x"), log(5, [TRANSFER, &from, &to], &value)]
}

fn position(which: &Value) -> u64 {
    let which = which.as_str().unwrap_or("latest");
    which.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or_else(Book::latest)
}

fn word(address: &str) -> String {
    format!("0x{:0>64}", address.trim_start_matches("0x"))
}

fn quantity(number: u64) -> String {
    format!("{number:#x}")
}

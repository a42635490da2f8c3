// Compiles the tests' token, and prints the code that stands on the chain.
//
// Usage: token.mjs TOKEN.sol

import { readFileSync } from "node:fs";
import solc from "solc";

const input = {
  language: "Solidity",
  sources: { "token.sol": { content: readFileSync(process.argv[2], "utf8") } },
  settings: { outputSelection: { "*": { "*": ["evm.deployedBytecode.object"] } } },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter((error) => error.severity === "error");
if (errors.length > 0) {
  throw new Error(errors.map((error) => error.formattedMessage).join("\n"));
}
console.log("0x" + output.contracts["token.sol"].Token.evm.deployedBytecode.object);

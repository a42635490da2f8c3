"""A facilitator for the tests' own chain: the x402 package's, behind HTTP on loopback. Says where it listens.

Usage: facilitator.py NODE_URL NETWORK PRIVATE_KEY
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from x402 import x402FacilitatorSync
from x402.mechanisms.evm import FacilitatorWeb3Signer
from x402.mechanisms.evm.exact import register_exact_evm_facilitator
from x402.schemas import PaymentPayload, PaymentRequirements

node, network, key = sys.argv[1:]
facilitator = x402FacilitatorSync()
register_exact_evm_facilitator(facilitator, FacilitatorWeb3Signer(private_key=key, rpc_url=node), networks=network)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if body["x402Version"] != 2 or self.path not in ("/verify", "/settle"):
            return self.answer(400, {"error": "not a question of x402 version 2"})
        payload = PaymentPayload.model_validate(body["paymentPayload"])
        requirements = PaymentRequirements.model_validate(body["paymentRequirements"])
        ask = facilitator.verify if self.path == "/verify" else facilitator.settle
        result = ask(payload, requirements)
        self.answer(200, result.model_dump(by_alias=True, exclude_none=True))

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"Listening on 127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()

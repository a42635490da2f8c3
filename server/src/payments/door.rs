//! The door of `/public-mcp`: nobody has an account here, and a payment may come in a header.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, HeaderValue};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::payment::{Malformed, Payment};
use super::terms::Receipt;
use crate::caller::{AuthDuration, Caller};

/// x402 v2, transports, HTTP.
const PAYMENT: HeaderName = HeaderName::from_static("payment-signature");
const RECEIPT: HeaderName = HeaderName::from_static("payment-response");

/// What of a payment travels in headers: taken out of the request here, put into the response here.
pub(crate) struct HeaderPayment {
    payment: Option<HeaderValue>,
    several: bool,
    receipt: OnceLock<Receipt>,
}

impl HeaderPayment {
    /// Takes the payment out of the headers: no layer behind this one sees, or logs, it.
    fn take(headers: &mut HeaderMap) -> Self {
        let several = headers.get_all(&PAYMENT).iter().nth(1).is_some();
        Self { payment: headers.remove(&PAYMENT), several, receipt: OnceLock::new() }
    }

    /// The payment of the header, if there is one.
    pub(crate) fn payment(&self) -> Option<Result<Payment, Malformed>> {
        let value = self.payment.as_ref()?;
        if self.several {
            return Some(Err(Malformed::Several));
        }
        Some(Payment::from_header(value.as_bytes()))
    }

    /// Notes the receipt for the response.
    pub(crate) fn receive(&self, receipt: Receipt) {
        // One call has one payment.
        let _ = self.receipt.set(receipt);
    }

    /// Whoever paid by header gets the receipt by header.
    fn answer(&self, headers: &mut HeaderMap) {
        if let (Some(_), Some(receipt)) = (&self.payment, self.receipt.get())
            && let Ok(value) = HeaderValue::try_from(STANDARD.encode(receipt.as_value().to_string()))
        {
            headers.insert(RECEIPT, value);
        }
    }
}

impl fmt::Debug for HeaderPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slip([redacted])")
    }
}

/// What stands in place of chain 1. A credential is neither needed nor looked at, nor does it get any further.
pub(crate) async fn open_door<F: Future<Output = Response>>(
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    request.headers_mut().remove(AUTHORIZATION);
    let slip = Arc::new(HeaderPayment::take(request.headers_mut()));
    request.extensions_mut().insert(Caller::Public);
    request.extensions_mut().insert(AuthDuration(Duration::ZERO));
    request.extensions_mut().insert(slip.clone());
    let mut response = next(request).await;
    slip.answer(response.headers_mut());
    response
}

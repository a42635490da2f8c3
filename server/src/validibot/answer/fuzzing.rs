//! What a fuzz target asks of answers: none of them brings this down, and however one is cut on its way, it is the same.

use bytes::Bytes;

use super::condense::Condenser;
use super::{Answer, MAX_BODY_BYTES};
use crate::config::Reach;
use crate::validibot::Catalogue;

/// Reads any bytes as every kind of answer.
pub(crate) fn answer(data: &[u8]) {
    let with = |status| Answer {
        status,
        html: false,
        retry_after: None,
        replay_of: None,
        _place: None,
        body: Bytes::copy_from_slice(data),
    };
    let good = || with(200);
    if let (Ok(read), Ok(passed)) = (good().catalogue(), good().catalogue_to_pass()) {
        // What goes on unread may have entries that only the reader leaves out.
        assert!(Catalogue::entries(passed.list).len() >= read.len());
    }
    let _ = (good().agent_catalogue(), good().workflow(), good().definition_to_pass());
    let _ = (good().page::<super::Org>(), good().org(), with(409).says("x"), with(422).code());
    let run = good().run();
    for status in [302, 400, 401, 404, 429, 500, 503] {
        assert!(with(status).checked(&Reach::default()).is_err());
    }
    let condensed = |pieces: &[&[u8]]| {
        let mut condenser = Condenser::default();
        pieces.iter().try_for_each(|piece| condenser.take(piece)).ok()?;
        Some(condenser.into_bytes())
    };
    let (head, tail) = data.split_at(data.len() / 2);
    let whole = condensed(&[data]);
    assert_eq!(whole, condensed(&[head, tail]), "the cut does not matter");
    if let (Some(whole), Ok(run)) = (whole, run) {
        assert!(whole.len() <= MAX_BODY_BYTES && !run.is_empty());
    }
}

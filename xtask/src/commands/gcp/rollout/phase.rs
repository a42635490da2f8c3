//! The phases of a rollout, as errors name them.

/// Where a rollout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A service's first revision, which gets everything.
    FirstRevision,
    /// A revision without traffic.
    Candidate,
    /// Who may call the service.
    Access,
    /// Whether the candidate is fit for traffic.
    Proof,
    /// The traffic moves.
    Traffic,
    /// Whether users are served.
    Public,
    /// The traffic moves back.
    Return,
    /// It is written down that the revision has served.
    Record,
}

impl Phase {
    /// In an error, before its sentence.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::FirstRevision => "first revision",
            Self::Candidate => "candidate",
            Self::Access => "access",
            Self::Proof => "proof",
            Self::Traffic => "traffic",
            Self::Public => "public address",
            Self::Return => "return",
            Self::Record => "record",
        }
    }

    /// What is going on.
    pub(crate) const fn doing(self) -> &'static str {
        match self {
            Self::FirstRevision => "starting the first revision",
            Self::Candidate => "starting the candidate",
            Self::Access => "setting who may call it",
            Self::Proof => "proving the candidate",
            Self::Traffic => "moving the traffic",
            Self::Public => "proving the public address",
            Self::Return => "moving the traffic back",
            Self::Record => "writing down that it has served",
        }
    }

    /// Where the traffic is when this has failed.
    pub(super) const fn traffic(self) -> &'static str {
        match self {
            Self::FirstRevision => "nothing serves: there was no earlier revision",
            Self::Candidate | Self::Access | Self::Proof => "the traffic stays where it was",
            Self::Traffic | Self::Public | Self::Return => {
                "whether the traffic has moved is not known: the same command looks first, and goes on"
            }
            Self::Record => {
                "it serves and is proven, which is not written down yet: the same command looks first, and does it"
            }
        }
    }
}

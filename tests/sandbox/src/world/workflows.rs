//! The workflows.

use time::Duration;
use uuid::{Uuid, uuid};

use super::{Org, User};
use crate::fixtures;
use crate::submission::FileType;

/// What a workflow does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// JSON Schema and assertions on a building-energy model.
    Energy,
    /// Typed columns and ranges of a CSV table.
    Table,
    /// A simulation that takes its time.
    Simulation,
    /// An `EnergyPlus` model.
    Building,
    /// Any document.
    Document,
}

/// One workflow, in its newest version.
#[derive(Debug)]
pub(crate) struct Workflow {
    pub(crate) id: i64,
    pub(crate) uuid: Uuid,
    pub(crate) org: &'static Org,
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) version: i64,
    pub(crate) file_types: &'static [FileType],
    pub(crate) check: Check,
    /// How long Validibot keeps what a run found.
    pub(crate) retention: Retention,
    /// `Some`: private to this user.
    pub(crate) owner: Option<i64>,
    /// What agents without an account may do with it.
    pub(crate) sale: Sale,
    /// Whether agents may see it: the helper API shows no other, the REST API shows all (contract of 0.16, B2).
    pub(crate) mcp_enabled: bool,
}

/// How long a run's outputs are kept: its findings, output values and texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retention {
    /// The default of every workflow there. They expire as the run ends, and the sweeper that comes every five minutes takes
    /// those of runs that ended at least a minute ago (contract, A6). This sandbox sweeps as
    /// soon as the minute is over.
    DoNotStore,
    /// They expire, and are gone, after thirty days.
    Days30,
}

impl Retention {
    /// The name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::DoNotStore => "DO_NOT_STORE",
            Self::Days30 => "STORE_30_DAYS",
        }
    }

    /// How long after a run's end its outputs expire.
    pub(crate) const fn expiry(self) -> Duration {
        match self {
            Self::DoNotStore => Duration::ZERO,
            Self::Days30 => Duration::days(30),
        }
    }

    /// How long after a run's end they are gone.
    pub(crate) const fn purge(self) -> Duration {
        match self {
            Self::DoNotStore => Duration::MINUTE,
            Self::Days30 => self.expiry(),
        }
    }
}

/// Whether agents without an account may use a workflow, and for how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sale {
    /// It is no business of theirs.
    None,
    /// They see it, and its author pays.
    Free,
    /// It has a price in US cents, and is not published.
    Draft(i64),
    /// They pay this many US cents for each run.
    Priced(i64),
}

impl Workflow {
    /// Members of the organisation see it, unless it is private to another.
    pub(crate) fn visible_to(&self, user: &User) -> bool {
        user.orgs.contains(&self.org.slug) && self.owner.is_none_or(|owner| owner == user.id)
    }

    /// The name of its visibility on the wire.
    pub(crate) const fn visibility(&self) -> &'static str {
        if self.owner.is_some() { "PRIVATE" } else { "ORG" }
    }

    /// Whether its runs outlast the request that starts them.
    pub(crate) fn is_slow(&self) -> bool {
        self.check == Check::Simulation
    }
}

static ACME: Org = Org { slug: fixtures::ACME, name: "Acme Engineering" };
static OPEN_LAB: Org = Org { slug: fixtures::OPEN_LAB, name: "Open Lab" };
static WORKSHOP: Org = Org { slug: fixtures::WORKSHOP, name: "Modelling Workshop" };
static NORTHWIND: Org = Org { slug: fixtures::NORTHWIND, name: "Northwind Facilities" };

/// Every organization that has members.
pub(crate) static ORGS: [&Org; 3] = [&ACME, &WORKSHOP, &NORTHWIND];

pub(crate) static WORKFLOWS: &[Workflow] = &[
    Workflow {
        id: 1,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e01"),
        org: &ACME,
        slug: fixtures::ENERGY_MODEL,
        name: "Energy model",
        description: "Checks a building-energy model against its JSON Schema, then for plausibility.",
        version: 3,
        file_types: &[FileType::Json],
        check: Check::Energy,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::None,
        mcp_enabled: true,
    },
    Workflow {
        id: 2,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e02"),
        org: &ACME,
        slug: fixtures::SENSOR_TABLE,
        name: "Sensor table",
        description: "Checks a CSV table of sensor readings: columns, types and ranges.",
        version: 1,
        file_types: &[FileType::Text],
        check: Check::Table,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::None,
        mcp_enabled: true,
    },
    Workflow {
        id: 3,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e03"),
        org: &ACME,
        slug: fixtures::ANNUAL_SIMULATION,
        name: "Annual simulation",
        description: "Simulates a year of heating, hour by hour. A run takes a while: watch its steps.",
        version: 2,
        file_types: &[FileType::Json, FileType::Binary],
        check: Check::Simulation,
        retention: Retention::Days30,
        owner: None,
        sale: Sale::None,
        mcp_enabled: true,
    },
    Workflow {
        id: 4,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e04"),
        org: &ACME,
        slug: fixtures::HIDDEN_WORKFLOW,
        name: "Board report",
        description: "",
        version: 1,
        file_types: &[FileType::Json],
        check: Check::Energy,
        retention: Retention::DoNotStore,
        owner: Some(fixtures::SECOND_USER_ID),
        sale: Sale::None,
        mcp_enabled: true,
    },
    Workflow {
        id: 5,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e05"),
        org: &NORTHWIND,
        slug: fixtures::ENERGY_MODEL,
        name: "Energy model",
        description: "",
        version: 1,
        file_types: &[FileType::Json],
        check: Check::Energy,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::None,
        mcp_enabled: true,
    },
    Workflow {
        id: 6,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e06"),
        org: &NORTHWIND,
        slug: fixtures::SENSOR_TABLE,
        name: "Sensor table – Zürich",
        description: "Checks the readings of the Zürich plant: −40 °C to 60 °C.",
        version: 4,
        file_types: &[FileType::Text],
        check: Check::Table,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::None,
        mcp_enabled: true,
    },
    Workflow {
        id: 7,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e07"),
        org: &OPEN_LAB,
        slug: fixtures::ENERGY_MODEL,
        name: "Energy model",
        description: "Checks a building-energy model against its JSON Schema, then for plausibility.",
        version: 1,
        file_types: &[FileType::Json],
        check: Check::Energy,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::Priced(fixtures::ENERGY_MODEL_CENTS),
        mcp_enabled: true,
    },
    Workflow {
        id: 8,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e08"),
        org: &OPEN_LAB,
        slug: fixtures::SENSOR_TABLE,
        name: "Sensor table",
        description: "Checks a CSV table of sensor readings: columns, types and ranges.",
        version: 1,
        file_types: &[FileType::Text],
        check: Check::Table,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::Priced(fixtures::SENSOR_TABLE_CENTS),
        mcp_enabled: true,
    },
    Workflow {
        id: 9,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e09"),
        org: &OPEN_LAB,
        slug: fixtures::ANNUAL_SIMULATION,
        name: "Annual simulation",
        description: "Simulates a year of heating, hour by hour.",
        version: 1,
        file_types: &[FileType::Json, FileType::Binary],
        check: Check::Simulation,
        retention: Retention::Days30,
        owner: None,
        sale: Sale::Priced(fixtures::ANNUAL_SIMULATION_CENTS),
        mcp_enabled: true,
    },
    Workflow {
        id: 10,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e10"),
        org: &OPEN_LAB,
        slug: fixtures::FREE_WORKFLOW,
        name: "Free energy model",
        description: "",
        version: 1,
        file_types: &[FileType::Json],
        check: Check::Energy,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::Free,
        mcp_enabled: true,
    },
    Workflow {
        id: 11,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e11"),
        org: &OPEN_LAB,
        slug: fixtures::DRAFT_WORKFLOW,
        name: "Draft energy model",
        description: "",
        version: 1,
        file_types: &[FileType::Json],
        check: Check::Energy,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::Draft(1),
        mcp_enabled: true,
    },
    Workflow {
        id: 12,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e12"),
        org: &WORKSHOP,
        slug: fixtures::WHOLE_BUILDING,
        name: "Whole building",
        description: "Reads an EnergyPlus model: IDF or epJSON.",
        version: 1,
        file_types: &[FileType::Json, FileType::Text],
        check: Check::Building,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::None,
        mcp_enabled: true,
    },
    Workflow {
        id: 13,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e13"),
        org: &WORKSHOP,
        slug: fixtures::TEXT_DOCUMENT,
        name: "Text document",
        description: "",
        version: 1,
        file_types: &[FileType::Text],
        check: Check::Document,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::None,
        mcp_enabled: true,
    },
    Workflow {
        id: 14,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e14"),
        org: &WORKSHOP,
        slug: fixtures::XML_DOCUMENT,
        name: "XML document",
        description: "",
        version: 1,
        file_types: &[FileType::Xml],
        check: Check::Document,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::None,
        mcp_enabled: true,
    },
    Workflow {
        id: 15,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e15"),
        org: &WORKSHOP,
        slug: fixtures::ANY_DOCUMENT,
        name: "Any document",
        description: "",
        version: 1,
        file_types: &[FileType::Json, FileType::Xml, FileType::Text, FileType::Yaml, FileType::Binary],
        check: Check::Document,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::None,
        mcp_enabled: true,
    },
    Workflow {
        id: 16,
        uuid: uuid!("6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e16"),
        org: &ACME,
        slug: fixtures::FOR_PEOPLE,
        name: "Acceptance",
        description: "Started by hand, from the web pages.",
        version: 1,
        file_types: &[FileType::Json],
        check: Check::Energy,
        retention: Retention::DoNotStore,
        owner: None,
        sale: Sale::None,
        mcp_enabled: false,
    },
];

//! What stands in front of each service: its doors, who may come in, and where the traffic goes.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::engine::{Ingress, Route};

/// A way in, with a URL of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Door {
    /// The service's URL.
    Service,
    /// The URL of a tag.
    Tag(String),
    /// A load balancer's.
    Balancer,
    /// The one inside the project's own network.
    Inside,
}

/// One service as the front end sees it.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) routes: Vec<Route>,
    pub(super) ingress: Ingress,
    /// Whether `allUsers` may invoke it.
    pub(super) public: bool,
    /// Requests so far, for sharing them out.
    served: usize,
}

impl Default for Front {
    fn default() -> Self {
        Self { routes: Vec::new(), ingress: Ingress::All, public: false, served: 0 }
    }
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It goes to this revision.
    To(String),
    /// Ingress forbids it, or nothing has this name.
    NotFound,
    /// The caller is no invoker.
    Forbidden,
}

impl Front {
    /// Decides about the next request through `door`.
    pub(super) fn way(&mut self, door: &Door) -> Way {
        let open = match door {
            Door::Balancer => self.ingress != Ingress::Internal,
            Door::Service | Door::Tag(_) => self.ingress == Ingress::All,
            Door::Inside => true,
        };
        let revision = if let Door::Tag(tag) = door {
            let route = self.routes.iter().find(|route| route.tag.as_ref() == Some(tag));
            route.map(|route| route.revision.clone())
        } else {
            self.share()
        };
        match revision {
            Some(_) if open && !self.public => Way::Forbidden,
            Some(revision) if open => Way::To(revision),
            _ => Way::NotFound,
        }
    }

    /// The next one in turn: of each hundred requests every route gets exactly its percent.
    fn share(&mut self) -> Option<String> {
        // 61 has no divisor in common with 100: the turns visit each number once, well mixed.
        let turn = self.served * 61 % 100;
        self.served = (self.served + 1) % 100;
        let mut sum = 0;
        let mut routes = self.routes.iter().filter(|route| route.percent > 0);
        let route = routes.find(|route| {
            sum += usize::from(route.percent);
            turn < sum
        });
        route.map(|route| route.revision.clone())
    }
}

/// Every service's front, and the doors that have been opened.
#[derive(Default)]
pub(super) struct Fronts {
    services: Mutex<BTreeMap<String, Front>>,
    doors: Mutex<BTreeMap<(String, Door), String>>,
}

impl Fronts {
    /// Looks at or changes a service's front, which is there from the first time that somebody asks.
    pub(super) fn change<T>(&self, service: &str, change: impl FnOnce(&mut Front) -> T) -> T {
        let mut services = lock(&self.services);
        change(services.entry(service.to_owned()).or_default())
    }

    /// The URL of a door; with its listener where nobody serves it yet.
    pub(super) fn door(&self, service: &str, door: Door) -> (String, Option<(TcpListener, Door)>) {
        let mut doors = lock(&self.doors);
        let key = (service.to_owned(), door.clone());
        if let Some(url) = doors.get(&key) {
            return (url.clone(), None);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let bound = listener.and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok((format!("http://{}", listener.local_addr()?), listener))
        });
        let (url, listener) = bound.expect("loopback has a free port");
        doors.insert(key, url.clone());
        (url, Some((listener, door)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front() -> Front {
        let route = |revision: &str, percent, tag: Option<&str>| Route {
            revision: revision.into(),
            percent,
            tag: tag.map(str::to_owned),
        };
        Front {
            routes: vec![
                route("one", 90, None),
                route("two", 10, None),
                route("three", 0, Some("candidate")),
            ],
            public: true,
            ..Front::default()
        }
    }

    #[test]
    fn traffic_is_shared_to_the_percent() {
        let mut front = front();
        let mut count = BTreeMap::new();
        for _ in 0..200 {
            let Way::To(revision) = front.way(&Door::Service) else { panic!("it is open") };
            *count.entry(revision).or_insert(0) += 1;
        }
        assert_eq!(count, BTreeMap::from([("one".to_owned(), 180), ("two".to_owned(), 20)]));
        assert_eq!(front.way(&Door::Tag("candidate".into())), Way::To("three".into()));
        assert_eq!(front.way(&Door::Tag("gone".into())), Way::NotFound);
    }

    #[test]
    fn ingress_and_invokers_keep_requests_out() {
        let doors = [Door::Service, Door::Tag("candidate".into()), Door::Balancer, Door::Inside];
        for (ingress, open) in [
            (Ingress::All, [true, true, true, true]),
            (Ingress::InternalAndBalancer, [false, false, true, true]),
            (Ingress::Internal, [false, false, false, true]),
        ] {
            let mut front = Front { ingress, ..front() };
            let found = doors.each_ref().map(|door| front.way(door) != Way::NotFound);
            assert_eq!(found, open, "{ingress:?}");
            front.public = false;
            let forbidden = doors.each_ref().map(|door| front.way(door) == Way::Forbidden);
            assert_eq!(forbidden, open, "{ingress:?}");
        }
    }
}

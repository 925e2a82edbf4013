//! Comms: connections between an object in the browser and one in the kernel.
//!
//! Either side opens one by naming a *target*. What the kernel offers registers here; a target that nobody offers is
//! answered by `comm_close`, as the protocol says. Cells open comms of their own by events.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Deserialize;
use serde_json::{Value, json};

use super::iopub::Iopub;
use super::message::Request;
use crate::session::{CommAction, CommEvent};

/// Comms that may be open at once.
const MOST: usize = 10_000;

/// Something in the kernel that browsers can open a comm to.
pub trait Target: Send + Sync {
    /// A client opened a comm, or sent something on it. What is given is sent back.
    fn answer(&self, data: &Value) -> Option<Value>;
}

struct Open {
    target: String,
    /// The kernel's end; none for a comm that a cell opened.
    end: Option<Arc<dyn Target>>,
}

/// All comms, and what they can be opened to.
pub struct Comms {
    iopub: Iopub,
    targets: Mutex<HashMap<String, Arc<dyn Target>>>,
    open: Mutex<BTreeMap<String, Open>>,
}

#[derive(Deserialize)]
struct Content {
    comm_id: String,
    #[serde(default)]
    target_name: String,
    #[serde(default)]
    data: Value,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Comms {
    /// No comms and no targets.
    pub fn new(iopub: Iopub) -> Arc<Comms> {
        Arc::new(Comms { iopub, targets: Mutex::default(), open: Mutex::default() })
    }

    /// Offers a target.
    pub fn register(&self, name: &str, target: Arc<dyn Target>) {
        lock(&self.targets).insert(name.to_owned(), target);
    }

    /// Handles `comm_open`, `comm_msg` or `comm_close` from a client. None of them has a reply; nonsense is ignored,
    /// as is a message on a comm that is not open.
    pub fn receive(&self, request: &Request) {
        let Ok(content) = request.content::<Content>() else { return };
        let end = match request.kind.as_str() {
            "comm_open" => {
                let offered = lock(&self.targets).get(&content.target_name).cloned();
                let mut open = lock(&self.open);
                match offered.filter(|_| open.len() < MOST && !open.contains_key(&content.comm_id)) {
                    None => {
                        drop(open);
                        self.send(Some(request), "comm_close", &content.comm_id, &json!({}), None);
                        return;
                    }
                    Some(end) => {
                        let opened = Open { target: content.target_name, end: Some(Arc::clone(&end)) };
                        open.insert(content.comm_id.clone(), opened);
                        Some(end)
                    }
                }
            }
            "comm_msg" => lock(&self.open).get(&content.comm_id).and_then(|open| open.end.clone()),
            _ => {
                lock(&self.open).remove(&content.comm_id);
                None
            }
        };
        if let Some(answer) = end.and_then(|end| end.answer(&content.data)) {
            self.send(Some(request), "comm_msg", &content.comm_id, &answer, None);
        }
    }

    /// Does what a cell wants done with a comm.
    pub fn do_for_cell(&self, parent: Option<&Request>, event: &CommEvent) {
        let (id, data) = (&event.comm_id, &event.data);
        match event.action {
            CommAction::Open => {
                let mut open = lock(&self.open);
                if open.len() >= MOST {
                    return;
                }
                open.insert(id.clone(), Open { target: event.target_name.clone(), end: None });
                drop(open);
                self.send(parent, "comm_open", id, data, Some(&event.target_name));
            }
            // A comm that the browser has closed takes nothing more.
            CommAction::Message if !lock(&self.open).contains_key(id) => {}
            CommAction::Message => self.send(parent, "comm_msg", id, data, None),
            CommAction::Close => {
                if lock(&self.open).remove(id).is_some() {
                    self.send(parent, "comm_close", id, data, None);
                }
            }
        }
    }

    /// Tells all that have opened a target.
    pub fn tell(&self, parent: Option<&Request>, target: &str, data: &Value) {
        let open = lock(&self.open);
        let ids: Vec<String> =
            open.iter().filter(|(_, open)| open.target == target).map(|(id, _)| id.clone()).collect();
        drop(open);
        for id in ids {
            self.send(parent, "comm_msg", &id, data, None);
        }
    }

    /// The open comms, or those of one target.
    pub fn info(&self, target: Option<&str>) -> Value {
        let open = lock(&self.open);
        let wanted = open.iter().filter(|(_, open)| target.is_none_or(|target| open.target == target));
        let comms: serde_json::Map<String, Value> =
            wanted.map(|(id, open)| (id.clone(), json!({"target_name": open.target}))).collect();
        json!({"status": "ok", "comms": comms})
    }

    fn send(&self, parent: Option<&Request>, kind: &str, id: &str, data: &Value, target: Option<&str>) {
        let mut content = json!({"comm_id": id, "data": data});
        if let Some(target) = target {
            content["target_name"] = target.into();
        }
        self.iopub.output(parent, kind, &content);
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Wire;
    use super::super::zmtp::Socket;
    use super::*;

    struct Echo;

    impl Target for Echo {
        fn answer(&self, data: &Value) -> Option<Value> {
            Some(data.clone())
        }
    }

    fn comms() -> Arc<Comms> {
        let comms = Comms::new(Iopub::new(&Arc::new(Wire::new("", "tests")), &Socket::default()));
        comms.register("echo", Arc::new(Echo));
        comms
    }

    fn send(comms: &Comms, kind: &str, content: Value) {
        comms.receive(&Request::example(kind, content));
    }

    #[test]
    fn a_comm_is_open_until_it_is_closed() {
        let comms = comms();
        send(&comms, "comm_open", json!({"comm_id": "1", "target_name": "echo", "data": {}}));
        send(&comms, "comm_open", json!({"comm_id": "2", "target_name": "nobody", "data": {}}));
        assert_eq!(comms.info(None)["comms"], json!({"1": {"target_name": "echo"}}));
        assert_eq!(comms.info(Some("nobody"))["comms"], json!({}));
        send(&comms, "comm_msg", json!({"comm_id": "1", "data": 3}));
        send(&comms, "comm_msg", json!({"comm_id": "7", "data": 3}));
        send(&comms, "comm_close", json!({"comm_id": "1"}));
        send(&comms, "comm_close", json!([1]));
        assert_eq!(comms.info(None)["comms"], json!({}));
    }

    #[test]
    fn cells_open_comms_of_their_own() {
        let comms = comms();
        let event = |action| CommEvent { comm_id: "c".into(), action, data: json!({}), target_name: "plot".into() };
        comms.do_for_cell(None, &event(CommAction::Open));
        comms.do_for_cell(None, &event(CommAction::Message));
        assert_eq!(comms.info(Some("plot"))["comms"], json!({"c": {"target_name": "plot"}}));
        comms.do_for_cell(None, &event(CommAction::Close));
        assert_eq!(comms.info(None)["comms"], json!({}));
    }
}

//! Bags of JSON: values of any shape, and structs.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::lines::{Parse, Wrong};
use super::{Paths, TextOptions, lines_of};
use crate::bag::Bag;
use crate::bag::codec::Sent;
use crate::bag::steps::Map;
use crate::bag::stream::Over;
use crate::error::Result;
use crate::task::Made;

/// A line that is a JSON value.
struct AsJson<T>(std::marker::PhantomData<fn() -> T>);

impl<T: DeserializeOwned + 'static> Parse<T> for AsJson<T> {
    fn parse(line: &[u8], _lossy: bool) -> std::result::Result<Option<T>, Wrong> {
        match serde_json::from_slice(line) {
            Ok(value) => Ok(Some(value)),
            Err(_) if line.iter().all(u8::is_ascii_whitespace) => Ok(None),
            Err(error) => Err(wrong(line, &error)),
        }
    }
}

/// What serde said, without the line that it counts within the one.
#[cold]
fn wrong(line: &[u8], error: &serde_json::Error) -> Wrong {
    let text = error.to_string();
    let what = text.split_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    let hint = match (error.classify(), line.first()) {
        (serde_json::error::Category::Eof, Some(b'[' | b'{')) => {
            "; a file of JSON lines has a whole value in each line, and is no JSON document"
        }
        _ => "",
    };
    Wrong { column: error.column(), what: format!("{what}{hint}") }
}

const ENDINGS: &[&str] =
    &[".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz", ".json.zst", ".jsonl.zst", ".ndjson.zst"];

impl Bag<Json> {
    /// The values of files with a JSON value in each line, whatever their shape. Where they are found, and how they are cut,
    /// is as in [`read_text`](Bag::read_text).
    ///
    /// Where the shape is known, [`read_json_lines_as`](Bag::read_json_lines_as) is several times quicker.
    ///
    /// # Errors
    /// When there are no such files. A line that is no JSON fails the compute, with file, line and column.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # std::env::set_current_dir(&folder).unwrap();
    /// std::fs::write("people.json", "{\"name\": \"Ann\", \"age\": 31}\n{\"name\": \"Bob\", \"age\": 27}\n").unwrap();
    /// let people = Bag::read_json_lines("people.json")?;
    /// assert_eq!(people.pluck("name").compute()?, ["Ann", "Bob"]);
    /// assert_eq!(people.map(|person| person["age"].as_i64().unwrap_or(0)).max().compute()?, 31);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn read_json_lines(paths: impl Into<Paths>) -> Result<Bag<Json>> {
        Bag::read_json_lines_with(paths, &TextOptions::default())
    }
}

impl<T: DeserializeOwned + Clone + Send + Sync + 'static> Bag<T> {
    /// The values of files with a JSON value in each line, as a type of your own. What the type does not ask for is left out.
    ///
    /// # Errors
    /// As [`read_json_lines`](Bag::read_json_lines). A value that does not fit the type fails the compute, with what serde
    /// says of it.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// # use taskloom::serde::Deserialize;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # std::env::set_current_dir(&folder).unwrap();
    /// #[derive(Clone, Deserialize)]
    /// # #[serde(crate = "taskloom::serde")]
    /// struct Person { name: String, age: i64 }
    ///
    /// std::fs::write("people.json", "{\"name\": \"Ann\", \"age\": 31}\n{\"name\": \"Bob\", \"age\": \"?\"}\n").unwrap();
    /// let people = Bag::<Person>::read_json_lines_as("people.json")?;
    /// assert_eq!(people.map(|person| person.name).take(1)?, ["Ann"]);
    /// let error = people.map(|person| person.age).sum().compute().unwrap_err().to_string();
    /// assert!(error.contains("people.json, line 2, column 26: invalid type: string \"?\", expected i64"), "{error}");
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn read_json_lines_as(paths: impl Into<Paths>) -> Result<Bag<T>> {
        Bag::read_json_lines_with(paths, &TextOptions::default())
    }

    /// As [`read_json_lines_as`](Bag::read_json_lines_as), cut as the options say.
    ///
    /// # Errors
    /// As [`read_json_lines_as`](Bag::read_json_lines_as).
    pub fn read_json_lines_with(paths: impl Into<Paths>, options: &TextOptions) -> Result<Bag<T>> {
        lines_of::<T, AsJson<T>>("read_json_lines", paths.into(), ENDINGS, options)
    }
}

/// What can be picked out of an item: of a JSON value what is under a name or at a place, or under several; of anything what
/// a function says.
pub trait Pluck<T> {
    /// What is picked.
    type Picked: Clone + Send + Sync + 'static;
    /// The step that picks it.
    #[doc(hidden)]
    fn step(self) -> Plucking<T, Self::Picked>;
}

/// A step that picks.
#[doc(hidden)]
pub struct Plucking<T: 'static, R: 'static>(Made<dyn Over<T, R>>);

fn member(item: &mut Json, name: &str) -> Json {
    item.get_mut(name).map_or(Json::Null, Json::take)
}

fn under(name: String, default: Option<Sent<Json>>) -> Made<dyn Over<Json, Json>> {
    Made::<dyn Over<Json, Json>>::by((name, default), |(name, default)| {
        let (name, default) = (name.clone(), default.clone());
        Arc::new(Map(move |mut item: Json| match (item.get_mut(&name), &default) {
            (None, Some(default)) => default.0.clone(),
            _ => member(&mut item, &name),
        }))
    })
}

impl Pluck<Json> for &str {
    type Picked = Json;
    fn step(self) -> Plucking<Json, Json> {
        Plucking(under(self.to_owned(), None))
    }
}

impl Pluck<Json> for usize {
    type Picked = Json;
    fn step(self) -> Plucking<Json, Json> {
        Plucking(Made::<dyn Over<Json, Json>>::by(self, |&place| {
            Arc::new(Map(move |mut item: Json| item.get_mut(place).map_or(Json::Null, Json::take)))
        }))
    }
}

/// In the order of the names.
impl<const N: usize> Pluck<Json> for [&str; N] {
    type Picked = Vec<Json>;
    fn step(self) -> Plucking<Json, Vec<Json>> {
        Plucking(Made::<dyn Over<Json, Vec<Json>>>::by(self.map(str::to_owned).to_vec(), |names| {
            let names = names.clone();
            Arc::new(Map(move |item: Json| -> Vec<Json> {
                names.iter().map(|name| item.get(name).cloned().unwrap_or_default()).collect()
            }))
        }))
    }
}

impl<T, R, F> Pluck<T> for F
where
    T: Clone + Send + Sync + 'static,
    R: Clone + Send + Sync + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
{
    type Picked = R;
    fn step(self) -> Plucking<T, R> {
        Plucking(Made::<dyn Over<T, R>>::given("pluck", self, (), |function, ()| Arc::new(Map(function))))
    }
}

impl<T: Clone + Send + Sync + 'static> Bag<T> {
    /// A part of each item: of JSON values what is under a name, at a place, or under several names (`null` where there is
    /// none); of anything what a function picks.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::serde_json::json;
    /// let b = Bag::from_sequence([json!({"name": "Ann", "at": [1, 2]}), json!({"name": "Bob"})], 1);
    /// assert_eq!(b.pluck("name").compute()?, ["Ann", "Bob"]);
    /// assert_eq!(b.pluck("at").pluck(1).compute()?, [json!(2), json!(null)]);
    /// assert_eq!(b.pluck(["at", "name"]).take(1)?, [[json!([1, 2]), json!("Ann")]]);
    ///
    /// let pairs = Bag::from_sequence([(1, 'a'), (2, 'b')], 1);
    /// assert_eq!(pairs.pluck(|pair: (i32, char)| pair.1).compute()?, ['a', 'b']);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn pluck<P: Pluck<T>>(&self, what: P) -> Bag<P::Picked> {
        self.stepped("pluck", what.step().0)
    }
}

impl Bag<Json> {
    /// As [`pluck`](Bag::pluck), with something else than `null` where there is nothing.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::serde_json::json;
    /// let b = Bag::from_sequence([json!({"age": 31}), json!({})], 1);
    /// assert_eq!(b.pluck_or("age", 0).compute()?, [31, 0]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn pluck_or(&self, name: &str, default: impl Into<Json>) -> Bag<Json> {
        self.stepped("pluck", under(name.to_owned(), Some(Sent(default.into()))))
    }
}

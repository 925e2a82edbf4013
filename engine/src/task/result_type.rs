//! What a step's result is, so that a graph made by hand can be checked before it runs.

use std::any::{TypeId, type_name};

/// A Rust type: to be compared, and to be named.
pub struct TypeOf {
    id: TypeId,
    name: fn() -> &'static str,
}

/// One word for each task: everything about a type is known when it is compiled.
pub type ResultType = &'static TypeOf;

impl TypeOf {
    /// Describes `T`.
    pub(crate) fn of<T: 'static>() -> ResultType {
        const { &TypeOf { id: TypeId::of::<T>(), name: type_name::<T> } }
    }

    /// The name as a person writes it.
    pub(crate) fn short_name(&self) -> String {
        crate::display::short_type((self.name)())
    }

    pub(crate) fn id(&self) -> TypeId {
        self.id
    }

    pub(crate) fn name(&self) -> &'static str {
        (self.name)()
    }
}

impl PartialEq for TypeOf {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for TypeOf {}

impl std::fmt::Debug for TypeOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

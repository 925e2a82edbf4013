//! The tasks of bags: one pass over a partition, and the values of a pass that had several.

use std::any::TypeId;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::stream::{Place, Results, Source, Tail};
use crate::task::{
    Body, Failure, Inputs, Kind, Made, Pack, Packer, ResultType, Step, TypeOf, Unpacker, Value, body_of_values,
};

/// The values of bags' tasks.
pub(crate) struct OfBags;

impl Kind for OfBags {
    fn know() {
        super::codec::know_items();
    }
}

/// One pass over a partition: all steps, and all that becomes of it. Gives the value, or a vector of several.
pub(crate) struct Pass<T: 'static> {
    pub(crate) name: Box<str>,
    pub(crate) inputs: Box<[Arc<Step>]>,
    pub(crate) partition: usize,
    pub(crate) source: Made<dyn Source<T>>,
    pub(crate) tail: Made<dyn Tail<T>>,
}

impl<T: 'static> Pass<T> {
    fn results(&self) -> Vec<(usize, ResultType)> {
        let mut results = Vec::new();
        self.tail.results(&mut results);
        results
    }

    fn revive(unpacker: &mut Unpacker<'_>) -> Result<Arc<Step>, String> {
        unpacker.results_by(|| {
            OfBags::know();
            None
        })?;
        let name = String::unpack(unpacker)?.into();
        let (partition, source, tail) = Pack::unpack(unpacker)?;
        Ok(Step::new(Pass::<T> { name, inputs: unpacker.inputs().into(), partition, source, tail }))
    }
}

impl<T: 'static> Body for Pass<T> {
    fn name(&self) -> &str {
        &self.name
    }
    fn result_type(&self) -> ResultType {
        match self.results()[..] {
            [(_, only)] => only,
            _ => TypeOf::of::<Vec<Value>>(),
        }
    }
    fn function(&self) -> TypeId {
        TypeId::of::<Self>()
    }
    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        let given: Vec<Value> = self.inputs.iter().map(|_| inputs.next_value()).collect();
        let results = Results::new(self.results().len());
        let place = Place::new(self.partition);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let mut tail = self.tail.open(&place, &results);
            self.source.run(&place, &mut given.into_iter(), &mut *tail)?;
            tail.end()
        }));
        match ended {
            Ok(ended) => ended?,
            Err(payload) => {
                let message = crate::panics::message(&*payload);
                return Err(Failure::Panic(format!("{message}, at {}", place.text())));
            }
        }
        let mut values = results.into_values();
        Ok(if values.len() == 1 { values.remove(0) } else { Arc::new(values) })
    }
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        String::from(&*self.name).pack(packer)?;
        self.partition.pack(packer)?;
        self.source.pack(packer)?;
        self.tail.pack(packer)
    }
    body_of_values!(|_| OfBags::know(), |_| Pass::<T>::revive);
}

/// One of the values of a pass.
struct Picked<V> {
    inputs: Box<[Arc<Step>]>,
    slot: usize,
    value: PhantomData<fn() -> V>,
}

/// The value in a slot of a pass that has several.
pub(crate) fn picked<V: Send + Sync + 'static>(pass: &Arc<Step>, slot: usize) -> Arc<Step> {
    Step::new(Picked::<V> { inputs: [Arc::clone(pass)].into(), slot, value: PhantomData })
}

impl<V: Send + Sync + 'static> Body for Picked<V> {
    fn name(&self) -> &str {
        "pick"
    }
    fn result_type(&self) -> ResultType {
        TypeOf::of::<V>()
    }
    fn function(&self) -> TypeId {
        TypeId::of::<Self>()
    }
    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        Ok(Arc::clone(&inputs.next::<Vec<Value>>()[self.slot]))
    }
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.slot.pack(packer)
    }
    body_of_values!(|_| OfBags::know(), |_| |unpacker: &mut Unpacker<'_>| {
        unpacker.results_by(|| {
            OfBags::know();
            crate::travel::codec_of(TypeId::of::<V>())
        })?;
        let slot = usize::unpack(unpacker)?;
        Ok(picked::<V>(&unpacker.input()?, slot))
    });
}

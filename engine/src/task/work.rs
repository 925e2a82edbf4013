//! Tasks of the engine's own: a function that captures nothing, and its parameters.
//!
//! ```text
//!  value_task::<Kind, V, _, _>(name, inputs, parameters, |parameters, values| …)
//! ```
//! That is all an operation says, and it is what another process needs: the function is code, which both have, and the
//! parameters are written as they are packed.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Body, Failure, Inputs, Pack, Packer, ResultType, Revive, Step, TypeOf, Unpacker, Value, conjured};

/// So many values are merged by one task.
pub(crate) const MERGED_AT_ONCE: usize = 16;

/// A kind of values that tasks hand on: blocks of arrays, partitions of frames, items of bags.
pub(crate) trait Kind: Send + Sync + 'static {
    /// Makes them known to the tables of codecs and of sizes.
    fn know();
}

/// What the bodies of the engine's own tasks have in common: the steps they read are `self.inputs`, `$revive` makes them
/// anew, and `$know` makes their values known.
macro_rules! body_of_values {
    ($know:expr, |$own:pat_param| $revive:expr) => {
        fn type_name(&self) -> &'static str {
            self.result_type().name()
        }
        fn inputs<'a>(&'a self, visit: &mut dyn FnMut(&'a ::std::sync::Arc<$crate::task::Step>)) {
            self.inputs.iter().for_each(visit);
        }
        fn release(&mut self, into: &mut Vec<::std::sync::Arc<$crate::task::Step>>) {
            into.extend(::std::mem::take(&mut self.inputs));
        }
        fn arguments(&self, inputs: &mut $crate::task::Inputs<'_>) -> Vec<($crate::task::Value, &'static str)> {
            self.inputs.iter().map(|step| (inputs.next_value(), step.body().type_name())).collect()
        }
        fn code(&self) -> Result<($crate::task::Revive, &'static str), String> {
            self.pack(&mut $crate::task::Packer::asking())?;
            let $own = self;
            Ok(($revive, std::any::type_name::<Self>()))
        }
        fn result_codec(&self) -> Option<$crate::travel::Codec> {
            let know: fn(&Self) = $know;
            know(self);
            $crate::travel::codec_of(self.result_type().id())
        }
    };
}
pub(crate) use body_of_values;

/// The compiled half of a task: all that does not differ from task to task.
struct Work<P: 'static> {
    run: fn(&P, Vec<Value>) -> Result<Value, Failure>,
    revive: Revive,
    result: fn() -> ResultType,
    function: fn() -> TypeId,
    know: fn(),
}

struct Compiled<K, P, V, F>(PhantomData<(K, P, V, F)>);

impl<K, P, V, F> Compiled<K, P, V, F>
where
    K: Kind,
    P: Pack + Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Fn(&P, Vec<Value>) -> Result<V, Failure> + 'static,
{
    const WORK: &'static Work<P> = &Work {
        run: |parameters, values| conjured::<F>()(parameters, values).map(|value| Arc::new(value) as Value),
        revive: |unpacker| Worked::revive(unpacker, Self::WORK),
        result: TypeOf::of::<V>,
        function: TypeId::of::<F>,
        know: K::know,
    };
}

/// A task that makes a value from those of its inputs.
struct Worked<P: 'static> {
    name: Box<str>,
    inputs: Box<[Arc<Step>]>,
    parameters: P,
    work: &'static Work<P>,
}

impl<P: Pack + Send + Sync + 'static> Worked<P> {
    fn revive(unpacker: &mut Unpacker<'_>, work: &'static Work<P>) -> Result<Arc<Step>, String> {
        unpacker.results_by(|| {
            (work.know)();
            crate::travel::codec_of((work.result)().id())
        })?;
        let name = String::unpack(unpacker)?.into();
        let parameters = P::unpack(unpacker)?;
        Ok(Step::new(Worked { name, inputs: unpacker.inputs().into(), parameters, work }))
    }
}

impl<P: Pack + Send + Sync + 'static> Body for Worked<P> {
    fn name(&self) -> &str {
        &self.name
    }
    fn result_type(&self) -> ResultType {
        (self.work.result)()
    }
    fn function(&self) -> TypeId {
        (self.work.function)()
    }
    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        (self.work.run)(&self.parameters, self.inputs.iter().map(|_| inputs.next_value()).collect())
    }
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        String::from(&*self.name).pack(packer)?;
        self.parameters.pack(packer)
    }
    body_of_values!(|own| (own.work.know)(), |own| own.work.revive);
}

/// A task whose function gets the parameters and the values of `inputs`, in that order, and gives what the tasks after it
/// know how to read: factors, partial sums.
///
/// The function captures nothing, or it does not compile: what it needs to know are parameters.
pub(crate) fn value_task<K, V, P, F>(name: &str, inputs: Vec<Arc<Step>>, parameters: P, _function: F) -> Arc<Step>
where
    K: Kind,
    V: Send + Sync + 'static,
    P: Pack + Send + Sync + 'static,
    F: Fn(&P, Vec<Value>) -> Result<V, Failure> + 'static,
{
    Step::new(Worked { name: name.into(), inputs: inputs.into(), parameters, work: Compiled::<K, P, V, F>::WORK })
}

/// The value that a task gave to [`value_task`]; it is moved when nobody else reads it.
pub(crate) fn taken<V: Clone + Send + Sync + 'static>(value: Value) -> V {
    let value = value.downcast::<V>().unwrap_or_else(|_| unreachable!("a task reads what it asked for"));
    Arc::unwrap_or_clone(value)
}

/// One value from those of many tasks, so many at a time. The function gets the parameters, and captures nothing.
pub(crate) fn merged<K, V, P, F>(name: &str, mut steps: Vec<Arc<Step>>, parameters: &P, _merge: F) -> Arc<Step>
where
    K: Kind,
    V: Clone + Send + Sync + 'static,
    P: Pack + Clone + Send + Sync + 'static,
    F: Fn(&P, Vec<V>) -> Result<V, Failure> + 'static,
{
    while steps.len() > 1 {
        steps = steps
            .chunks(MERGED_AT_ONCE)
            .map(|steps| match steps {
                [one] => Arc::clone(one),
                more => value_task::<K, V, _, _>(name, more.to_vec(), parameters.clone(), |parameters, values| {
                    conjured::<F>()(parameters, values.into_iter().map(taken::<V>).collect())
                }),
            })
            .collect();
    }
    steps.pop().unwrap_or_else(|| unreachable!("there is at least one task: what is cut has at least one part"))
}

//! Objects that another process can make again: kernels, generators, reducers, sources, functions of the user's.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, Mutex, Weak};

use super::pack::{Packer, Unpacker};
use super::parts::Pack;

/// A function that captures nothing, from its type.
pub(crate) fn conjured<F>() -> F {
    const { assert!(size_of::<F>() == 0, "a function that travels captures nothing: pass what it needs as parameters") };
    // SAFETY: `F` has no size, so there are no bytes to be wrong, and it captures nothing, so it owns nothing. Callers hold,
    // or held in the process that this code comes from, a value of this very type, so it is inhabited.
    unsafe { std::ptr::NonNull::<F>::dangling().read() }
}

/// An object behind a trait, with what it was made from.
pub(crate) struct Made<D: ?Sized> {
    object: Arc<D>,
    recipe: Arc<dyn Recipe>,
}

impl<D: ?Sized> Clone for Made<D> {
    fn clone(&self) -> Self {
        Made { object: Arc::clone(&self.object), recipe: Arc::clone(&self.recipe) }
    }
}

impl<D: ?Sized> Deref for Made<D> {
    type Target = D;
    fn deref(&self) -> &D {
        &self.object
    }
}

/// How an object is made anew.
trait Recipe: Send + Sync {
    /// Writes the code that makes it, and what that is called with; or says why it has to stay.
    fn pack(&self, packer: &mut Packer) -> Result<(), String>;
}

/// The code that a packed object names.
type Remake<D> = fn(&mut Unpacker<'_>) -> Result<Made<D>, String>;

/// A function's result for some parameters.
struct By<D: ?Sized, P, F> {
    parameters: P,
    makes: PhantomData<fn(F) -> Box<D>>,
}

impl<D, P, F> Recipe for By<D, P, F>
where
    D: ?Sized + 'static,
    P: Pack + Send + Sync + 'static,
    F: Fn(&P) -> Arc<D> + 'static,
{
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        let remake: Remake<D> = |unpacker| Ok(Made::by(P::unpack(unpacker)?, conjured::<F>()));
        packer.code(remake as usize);
        self.parameters.pack(packer)
    }
}

/// Something of which there is one for each value of the parameters, such as an open file.
struct Held<D: ?Sized, P, F> {
    parameters: P,
    makes: PhantomData<fn(F) -> Box<D>>,
}

impl<D, P, F> Recipe for Held<D, P, F>
where
    D: ?Sized + Send + Sync + 'static,
    P: Pack + Send + Sync + 'static,
    F: Fn(&P) -> Result<Arc<D>, String> + 'static,
{
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        let remake: Remake<D> = |unpacker| {
            let (parameters, make) = (P::unpack(unpacker)?, conjured::<F>());
            let known = held::<Self, D>(&parameters, None)?;
            let object = known.map_or_else(|| make(&parameters), Ok)?;
            Made::held(object, parameters, make)
        };
        packer.code(remake as usize);
        self.parameters.pack(packer)
    }
}

/// Who is held, for as long as somebody does.
struct Entry {
    object: Box<dyn Any + Send>,
    is_alive: fn(&dyn Any) -> bool,
}

/// The object that is held for a recipe with these parameters; or it is this one from now on.
fn held<R: 'static, D: ?Sized + Send + Sync + 'static>(
    parameters: &impl Pack,
    object: Option<&Arc<D>>,
) -> Result<Option<Arc<D>>, String> {
    static HELD: Mutex<BTreeMap<(Vec<u8>, TypeId), Entry>> = Mutex::new(BTreeMap::new());
    let mut packer = Packer::default();
    parameters.pack(&mut packer)?;
    let key = (packer.into_parts().0, TypeId::of::<R>());
    let mut all = HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let weak = |object: &dyn Any| object.downcast_ref::<Weak<D>>().and_then(Weak::upgrade);
    let known = all.get(&key).and_then(|entry| weak(&*entry.object));
    if let (None, Some(object)) = (&known, object) {
        all.retain(|_, entry| (entry.is_alive)(&*entry.object));
        let is_alive = |object: &dyn Any| object.downcast_ref::<Weak<D>>().is_some_and(|weak| weak.strong_count() > 0);
        all.insert(key, Entry { object: Box::new(Arc::downgrade(object)), is_alive });
    }
    Ok(known)
}

/// A user's function, wrapped as the engine uses it.
struct Given<D: ?Sized, G, P, W> {
    operation: &'static str,
    parameters: P,
    wraps: PhantomData<fn(G, W) -> Box<D>>,
}

impl<D, G, P, W> Recipe for Given<D, G, P, W>
where
    D: ?Sized + 'static,
    G: 'static,
    P: Pack + Send + Sync + 'static,
    W: Fn(G, &P) -> Arc<D> + 'static,
{
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        if size_of::<G>() != 0 {
            return Err(format!(
                "the function given to `{}` captures {} bytes of its surroundings, and those do not travel: only a function \
                 that captures nothing does",
                self.operation,
                size_of::<G>()
            ));
        }
        let remake: Remake<D> = |unpacker| {
            let operation = Pack::unpack(unpacker)?;
            // SAFETY: as in `conjured`; the process that packed this held a value of this very type, and found its size to
            // be 0.
            let function = unsafe { std::ptr::NonNull::<G>::dangling().read() };
            Ok(Made::given(operation, function, P::unpack(unpacker)?, conjured::<W>()))
        };
        packer.code(remake as usize);
        self.operation.pack(packer)?;
        self.parameters.pack(packer)
    }
}

impl<D: ?Sized + 'static> Made<D> {
    /// What `make`, which captures nothing, makes of parameters.
    pub(crate) fn by<P, F>(parameters: P, make: F) -> Made<D>
    where
        P: Pack + Send + Sync + 'static,
        F: Fn(&P) -> Arc<D> + 'static,
    {
        const { assert!(size_of::<F>() == 0, "a function that travels captures nothing") };
        let object = make(&parameters);
        Made { object, recipe: Arc::new(By::<D, P, F> { parameters, makes: PhantomData }) }
    }

    /// A function of the user's, which travels if it captures nothing. `wrap`, which captures nothing, makes of it and of
    /// the parameters what the engine calls.
    pub(crate) fn given<G, P, W>(operation: &'static str, function: G, parameters: P, wrap: W) -> Made<D>
    where
        G: 'static,
        P: Pack + Send + Sync + 'static,
        W: Fn(G, &P) -> Arc<D> + 'static,
    {
        const { assert!(size_of::<W>() == 0, "a function that travels captures nothing") };
        let object = wrap(function, &parameters);
        Made { object, recipe: Arc::new(Given::<D, G, P, W> { operation, parameters, wraps: PhantomData }) }
    }
}

impl<D: ?Sized + Send + Sync + 'static> Made<D> {
    /// An object that is there already. In another process `make`, which captures nothing, makes it from the parameters,
    /// once for all tasks that have it.
    pub(crate) fn held<P, F>(object: Arc<D>, parameters: P, _make: F) -> Result<Made<D>, String>
    where
        P: Pack + Send + Sync + 'static,
        F: Fn(&P) -> Result<Arc<D>, String> + 'static,
    {
        const { assert!(size_of::<F>() == 0, "a function that travels captures nothing") };
        held::<Held<D, P, F>, D>(&parameters, Some(&object))?;
        Ok(Made { object, recipe: Arc::new(Held::<D, P, F> { parameters, makes: PhantomData }) })
    }
}

impl<D: ?Sized + 'static> Pack for Made<D> {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.recipe.pack(packer)
    }

    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        let code = unpacker.code()? as *const ();
        // SAFETY: the sender, whom the receiver trusts, wrote the address of a function of this very type for a part of this
        // very type, and both run the same build.
        let remake: Remake<D> = unsafe { std::mem::transmute::<*const (), Remake<D>>(code) };
        remake(unpacker)
    }
}

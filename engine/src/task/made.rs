//! Objects that another process can make again: kernels, generators, reducers, sources, functions of the user's.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

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

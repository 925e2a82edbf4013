//! The `delayed!` macro. It is re-exported, and documented, by the crate `taskloom`.

use proc_macro::TokenStream;
use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, parse_macro_input};

/// Turns a call into a task: `delayed!(add(x, y))` runs nothing and gives a `Delayed` of what `add` returns.
///
/// See the crate `taskloom` for what the arguments may be.
#[proc_macro]
pub fn delayed(input: TokenStream) -> TokenStream {
    let call = parse_macro_input!(input as Expr);
    expand(call).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// How an argument was written, which decides who keeps it.
enum Passing {
    /// `x`: a place; the caller keeps it, the function gets a value.
    Borrowed(Expr),
    /// `&x`: a place; the caller keeps it, the function gets a reference to a shared value.
    Shared(Expr),
    /// Anything else, `{x}` among it: the value moves into the task.
    Moved(Expr),
}

fn passing(argument: Expr) -> syn::Result<Passing> {
    Ok(match argument {
        Expr::Group(inner) => passing(*inner.expr)?,
        Expr::Reference(reference) => {
            if let Some(mutability) = reference.mutability {
                return Err(syn::Error::new(
                    mutability.span(),
                    "a task cannot borrow mutably: it runs later, perhaps on another thread; let the function take the \
                     value and return the changed one",
                ));
            }
            Passing::Shared(*reference.expr)
        }
        Expr::Paren(inner) => passing(*inner.expr)?,
        place @ (Expr::Path(_) | Expr::Field(_) | Expr::Index(_)) => Passing::Borrowed(place),
        other => Passing::Moved(other),
    })
}

fn expand(call: Expr) -> syn::Result<Tokens> {
    let span = call.span();
    match call {
        Expr::Call(call) => {
            let function = *call.func;
            let name = function_name(&function);
            let arguments = call.args.into_iter().collect();
            match function {
                // A path is the same function wherever it is written: the task remembers its type, so that equal calls
                // can be told.
                Expr::Path(path) => {
                    let function = Some(quote!(#path));
                    task(
                        span,
                        &name,
                        arguments,
                        function,
                        |arguments| quote_spanned!(Span::mixed_site()=> (*function)(#(#arguments),*)),
                    )
                }
                function => task(span, &name, arguments, None, |arguments| quote!((#function)(#(#arguments),*))),
            }
        }
        Expr::MethodCall(call) => {
            let (method, turbofish) = (call.method, call.turbofish);
            let name = method.to_string();
            let arguments = std::iter::once(*call.receiver).chain(call.args).collect();
            task(span, &name, arguments, None, |arguments| {
                let (receiver, rest) = arguments.split_first().expect("a method call has a receiver");
                quote!(#receiver.#method #turbofish (#(#rest),*))
            })
        }
        Expr::Paren(inner) => expand(*inner.expr),
        Expr::Group(inner) => expand(*inner.expr),
        Expr::Try(inner) => Err(syn::Error::new(
            inner.question_token.span(),
            "leave out the `?` here: a task whose function returns a Result fails the compute by itself; put the `?` \
             behind `.compute()`",
        )),
        Expr::Macro(inner) => Err(syn::Error::new(
            inner.span(),
            "`delayed!` takes a call of a function; put the macro's work into a function and delay that",
        )),
        other => Err(syn::Error::new(
            other.span(),
            "`delayed!` takes one call, such as `delayed!(add(x, y))` or `delayed!(text.to_uppercase())`; for a value \
             that is already there use `delayed_value(v)`",
        )),
    }
}

/// The last segment of a path; what a person would call the function.
fn function_name(function: &Expr) -> String {
    match function {
        Expr::Path(path) => path.path.segments.last().map_or_else(|| "task".to_owned(), |last| last.ident.to_string()),
        Expr::Paren(inner) => function_name(&inner.expr),
        Expr::Group(inner) => function_name(&inner.expr),
        Expr::Closure(_) => "closure".to_owned(),
        Expr::Field(field) => match &field.member {
            syn::Member::Named(name) => name.to_string(),
            syn::Member::Unnamed(_) => "task".to_owned(),
        },
        _ => "task".to_owned(),
    }
}

const MOST_ARGUMENTS: usize = 8;

fn task(
    span: Span,
    name: &str,
    arguments: Vec<Expr>,
    function: Option<Tokens>,
    call: impl FnOnce(Vec<Tokens>) -> Tokens,
) -> syn::Result<Tokens> {
    if arguments.len() > MOST_ARGUMENTS {
        return Err(syn::Error::new(
            span,
            format!(
                "`delayed!` takes up to {MOST_ARGUMENTS} arguments, this call has {}; put some of them into a tuple or a \
                 struct",
                arguments.len()
            ),
        ));
    }
    let mut plans = Vec::new();
    let mut names = Vec::new();
    let mut passed = Vec::new();
    for (index, argument) in arguments.into_iter().enumerate() {
        let item = format_ident!("item{index}", span = Span::mixed_site());
        let at = argument.span().resolved_at(Span::mixed_site());
        let (plan, pass) = match passing(argument)? {
            Passing::Borrowed(place) => (
                quote_spanned!(at=> (&&&::taskloom::__private::Borrowed(&(#place))).taken()),
                quote_spanned!(at=> #item),
            ),
            Passing::Shared(place) => (
                quote_spanned!(at=> (&&&::taskloom::__private::Borrowed(&(#place))).shared()),
                quote_spanned!(at=> (&*#item)),
            ),
            Passing::Moved(value) => (
                quote_spanned!(at=> (&&&::taskloom::__private::Moved::new(#value)).taken()),
                quote_spanned!(at=> #item),
            ),
        };
        plans.push(plan);
        names.push(item);
        passed.push(pass);
    }
    let call = call(passed);
    let at = span.resolved_at(Span::mixed_site());
    let (function, identified) = match function {
        Some(function) => (
            quote_spanned!(at=> #[allow(unused_parens, unused_braces)] let function = &#function;),
            quote_spanned!(at=> .calling(function)),
        ),
        None => (Tokens::new(), Tokens::new()),
    };
    let call = quote_spanned!(at=> #[allow(unused_parens, unused_braces, clippy::let_unit_value)] let output = #call;);
    Ok(quote_spanned! {Span::mixed_site()=> {
        #[allow(unused_imports)]
        use ::taskloom::__private::{
            ReturnedPlain as _, ReturnedResult as _, ReturnedSerde as _, ReturnedSerdeResult as _, Shared as _,
            SharedLazy as _, SharedSerde as _, Taken as _, TakenLazy as _, TakenSerde as _,
        };
        #[allow(unused_parens, unused_braces)]
        let plans = (#(#plans,)*);
        ::taskloom::__private::task(const { &::taskloom::__private::Site::Written(#name) }, plans, move |(#(#names,)*)| {
            #function
            #call
            (&&&&::taskloom::__private::Returned::new(output)).finish() #identified
        })
    }})
}

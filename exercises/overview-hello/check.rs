/// Whatever `greet` may give, as text; what is printed only is no text.
trait HelloText {
    fn text(&self) -> String;
}

impl HelloText for String {
    fn text(&self) -> String {
        self.clone()
    }
}

impl HelloText for &str {
    fn text(&self) -> String {
        (*self).to_owned()
    }
}

impl HelloText for std::borrow::Cow<'_, str> {
    fn text(&self) -> String {
        self.clone().into_owned()
    }
}

impl HelloText for () {
    fn text(&self) -> String {
        String::new()
    }
}

/// What is wrong with a greeting, if anything is.
fn hello_problem(name: &str, got: &str) -> String {
    let expected = format!("Hello, {name}!");
    let reason = if got == expected {
        return String::new();
    } else if got.contains("{") || got.contains("}") {
        "The braces came out as well. In text that `format!` makes, one pair of them around `name` is enough."
    } else if got.contains("Hello, name!") {
        "The word `name` came out, and not what it stands for: put it in braces, `{name}`."
    } else if got.eq_ignore_ascii_case(&expected) {
        "It differs in capital letters only."
    } else if got.contains(name) && got.trim_end() != got || got.contains('\n') {
        "There is a space or a new line too many."
    } else if got.contains(name) && got.starts_with("Hello") {
        "The name is right. Look at the comma, the space and the exclamation mark."
    } else if got.contains(name) {
        "The name is right. Look at the words around it."
    } else if got.is_empty() {
        "Nothing came. `greet` gives the text back, as its last expression, and does not print it."
    } else {
        "It should greet whoever is asked for: what stands between the brackets of `greet( … )` is its `name`."
    };
    format!("`greet({name:?})` should give {expected:?}, and gave {got:?}. {reason}")
}

check!("It greets the world", 1, {
    let problem = hello_problem("world", &HelloText::text(&greet("world")));
    ensure!(problem.is_empty(), "{problem}");
});

check!("It greets anybody", 1, {
    for name in ["Ada", "Grace", "you and me"] {
        let problem = hello_problem(name, &HelloText::text(&greet(name)));
        ensure!(problem.is_empty(), "{problem}");
    }
});

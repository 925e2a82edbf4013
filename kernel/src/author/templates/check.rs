/// Whatever a learner may have put into `answer`: a check has to compile against all of it, to be able to say what is wrong.
trait Answer {
    /// The number; or, where there is none, what to do about it.
    fn number(&self) -> Result<i64, String>;

    /// The names of the tasks behind it.
    fn tasks(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Answer for i64 {
    fn number(&self) -> Result<i64, String> {
        Ok(*self)
    }
}

impl Answer for taskloom::Delayed<i64> {
    fn number(&self) -> Result<i64, String> {
        self.compute().map_err(|error| format!("computing `answer` failed: {error}"))
    }

    fn tasks(&self) -> Vec<String> {
        self.task_names()
    }
}

impl Answer for Vec<taskloom::Delayed<i64>> {
    fn number(&self) -> Result<i64, String> {
        Err(format!("`answer` is a Vec of {} lazy numbers, and one was expected: add them up with `.sum()`", self.len()))
    }
}

check!("The sum is right", 1, {
    let number = answer.number();
    let problem = number.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    ensure_eq!(number.unwrap_or_default(), 385, "add up the squares of the numbers from 1 to 10");
});

check!("The ten calls are tasks", 1, {
    let tasks = answer.tasks();
    let calls = tasks.iter().filter(|name| *name != "sum" && *name != "add").count();
    ensure!(
        calls >= 10,
        "10 calls were expected among the tasks behind `answer`, and {calls} came. Is the call in the loop still without its \
         `delayed!( … )`, or was `answer` computed in the cell?"
    );
});

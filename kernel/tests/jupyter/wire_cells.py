"""Cells that speak to the kernel as the engine does: JSON lines on the runner's pipe, answers on another.

For what the protocol has and the engine has no function for. The runner's environment names both pipes.
"""

PRELUDE = r"""
fn form(text: impl ToString) -> taskloom::MimeBundle { taskloom::MimeBundle::new().with("text/plain", text.to_string()) }
fn runner_pipe(name: &str) -> std::mem::ManuallyDrop<std::fs::File> {
    use std::os::fd::FromRawFd;
    let environment = std::fs::read("/proc/self/environ").unwrap();
    let prefix = format!("{name}=");
    let number = environment.split(|&byte| byte == 0)
        .find_map(|line| std::str::from_utf8(line).ok()?.strip_prefix(&prefix)?.parse().ok()).unwrap();
    std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(number) })
}
fn tell_kernel(line: &str) {
    use std::io::Write;
    std::io::stdout().flush().unwrap();
    // What was printed goes through another pipe first.
    std::thread::sleep(std::time::Duration::from_millis(150));
    runner_pipe("TASKLOOM_EVENTS_FD").write_all(format!("{line}\n").as_bytes()).unwrap();
}
fn ask_person(prompt: &str, password: bool) -> Option<String> {
    use std::io::Read;
    tell_kernel(&format!("{{\"type\":\"input\",\"prompt\":{prompt:?},\"password\":{password}}}"));
    let mut answers = runner_pipe("TASKLOOM_INPUT_FD");
    let mut length = [0; 4];
    answers.read_exact(&mut length).unwrap();
    let length = u32::from_le_bytes(length);
    if length == u32::MAX { return None }
    let mut text = vec![0; length as usize];
    answers.read_exact(&mut text).unwrap();
    Some(String::from_utf8(text).unwrap())
}
"""

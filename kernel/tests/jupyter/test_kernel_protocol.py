"""The kernel speaks Jupyter's protocol, as Jupyter's own test of kernels sees it.

`jupyter_kernel_test` validates each message it receives against the protocol's schema.
It waits for some replies without a limit; the limit in pytest.ini ends those.
"""

import jupyter_kernel_test

from conftest import KERNEL


class TestKernel(jupyter_kernel_test.KernelTests):
    kernel_name = KERNEL
    language_name = "rust"
    file_extension = ".rs"

    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("oops");'

    complete_code_samples = [
        "let x = 1;",
        "1 + 2",
        "fn f(n: i32) -> i32 {\n    n + 1\n}",
        'println!("a brace in a string: {{");',
        "%lsmagic",
        "",
    ]
    incomplete_code_samples = ["fn f() {", "let v = vec![1,", 'let s = "open', "let x =", "/* a comment"]
    invalid_code_samples = ["let = = ;", "fn f( }", ")"]

    # Exactly one message, of type error: what the panic prints belongs into it, not onto stderr.
    code_generate_error = 'panic!("boom")'

    code_execute_result = [
        {"code": "1 + 2", "result": "3"},
        {"code": '"a".repeat(3)', "result": '"aaa"'},
        {"code": "vec![1.5, 2.0]", "result": "[1.5, 2.0]"},
        {"code": "(1, 'b')", "result": "(1, 'b')"},
        {"code": "delayed!(protocol_inc(1)).visualize()", "mime": "image/svg+xml"},
    ]
    code_display_data = [
        {"code": "display(&delayed!(protocol_inc(1)).visualize());", "mime": "image/svg+xml"},
        {"code": "%visualize protocol_graph", "mime": "image/svg+xml"},
    ]

    completion_samples = [
        {"text": "protocol_answ", "matches": {"protocol_answer"}},
        {"text": "protocol_answer.wrapping_ad"},
        {"text": "%lsmag", "matches": {"%lsmagic"}},
    ]
    code_inspect_sample = "protocol_answer"

    supported_history_operations = ("tail",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for code in (
            "use taskloom::prelude::*;",
            "fn protocol_inc(x: i64) -> i64 { x + 1 }",
            "let protocol_answer: i32 = 42;\nlet protocol_graph = delayed!(protocol_inc(1));",
        ):
            reply = cls.kc.execute_interactive(code, timeout=60, output_hook=lambda _: None)
            assert reply["content"]["status"] == "ok", f"could not prepare the session with `{code}`: {reply['content']}"

    def test_a_compile_error_is_one_error_message(self):
        self.flush_channels()
        reply, output = self.execute_helper('let wrong: i32 = "text";')
        assert reply["content"]["status"] == "error"
        assert [message["msg_type"] for message in output] == ["error"]
        for part in (reply["content"], output[0]["content"]):
            assert part["ename"] and part["evalue"] and part["traceback"]

    def test_execution_count_goes_up_by_one(self):
        self.flush_channels()
        counts = [self.execute_helper(code)[0]["content"]["execution_count"] for code in ("1", "2", "panic!()", "4")]
        assert counts == list(range(counts[0], counts[0] + 4))

    def test_a_silent_request_publishes_and_counts_nothing(self):
        self.flush_channels()
        before = self.execute_helper("1")[0]["content"]["execution_count"]
        self.kc.execute("2", silent=True)
        assert self.get_non_kernel_info_reply(timeout=15)["content"]["status"] == "ok"
        self.flush_channels()
        assert self.execute_helper("3")[0]["content"]["execution_count"] == before + 1

    def test_the_heartbeat_beats(self):
        assert self.kc.hb_channel.is_beating()

    def test_the_banner_and_the_language_are_there(self):
        self.flush_channels()
        self.kc.kernel_info()
        info = self.kc.get_shell_msg(timeout=15)["content"]
        assert info["status"] == "ok"
        assert "Taskloom" in info["banner"]
        assert info["language_info"]["mimetype"] in ("text/rust", "text/x-rust")

    def test_inspecting_nothing_is_not_an_error(self):
        self.flush_channels()
        self.kc.inspect("there_is_no_such_name")
        content = self.get_non_kernel_info_reply(timeout=15)["content"]
        assert (content["status"], content["found"]) == ("ok", False)

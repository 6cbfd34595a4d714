from __future__ import annotations

from children import Children


def test_a_subinterpreter_is_refused_and_the_main_one_goes_on(children: Children) -> None:
    child = children.run(
        """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        code = 'try:\\n    import ipcbridge\\nexcept ImportError as error:\\n    print(error, flush=True)'
        interpreters.run_string(interpreters.create(), code)
        with ipc.serve('calc', {'f': len}), ipc.connect('calc') as calc:
            say(calc.f('abc'))
        """
    )
    output, errors = child.rest()
    refusal, result = output.splitlines()
    assert "subinterpreter" in refusal
    assert (result, errors, child.returncode) == ("3", "", 0)

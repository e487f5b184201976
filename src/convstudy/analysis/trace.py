"""The trace of one run: the calls of modules, and the operations of each call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch._ops import HigherOrderOperator, OpOverload
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass_type

from convstudy.analysis.application import Application, Shape, shape_of
from convstudy.analysis.flow import Flow
from convstudy.analysis.operations import Operation, higher_order_operation, operation, other_operations
from convstudy.analysis.propagation import flow_of, mark, propagate
from convstudy.analysis.steps import Step, ValuesNeededError


@dataclass(slots=True, kw_only=True)
class RecordedOperation:
    """One operation as it was run: the shape of its result, its cost, and its dependence on the input."""

    operation: Operation
    output_shape: Shape
    output_bytes: int
    macs: int
    backward_macs: int
    other: int
    flow: Flow
    parameters: list[Tensor]
    input_shapes: list[Shape]


@dataclass(slots=True)
class Call:
    """One call of a module; its steps are, in order, its own operations and the calls of its children."""

    module: nn.Module
    path: str
    inputs: list[Shape]
    steps: list[Call | RecordedOperation] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)

    def operations(self) -> list[RecordedOperation]:
        """Return all operations of this call and of the calls inside it."""
        found: list[RecordedOperation] = []
        for step in self.steps:
            found.extend([step] if isinstance(step, RecordedOperation) else step.operations())
        return found


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors in nested lists, tuples and mappings, each once, in order."""
    found: dict[int, Tensor] = {}
    _collect(value, found)
    return list(found.values())


def _collect(value: Any, found: dict[int, Tensor]) -> None:
    if isinstance(value, Tensor):
        found.setdefault(id(value), value)
    elif isinstance(value, Mapping):
        for item in value.values():
            _collect(item, found)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _collect(item, found)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            _collect(getattr(value, name), found)


class Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the calls and operations of a network while it is active; `paths` names the modules by their `id`.

    The step says how the operations run.
    """

    supports_higher_order_operators = True

    def __init__(self, paths: Mapping[int, str], step: Step) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.paths = paths
        self.step = step
        self.stack = [Call(nn.Module(), "", [])]
        self._handles: list[Any] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False without asking torch whether its compiler is loaded, which takes seconds."""
        return False

    @property
    def root(self) -> Call:
        """Return the call of the network itself."""
        calls = [step for step in self.stack[0].steps if isinstance(step, Call)]
        return calls[0] if calls else self.stack[0]

    @property
    def here(self) -> Call:
        """Return the innermost call that has not ended."""
        return self.stack[-1]

    def __enter__(self) -> Trace:
        self._handles = [
            register_module_forward_pre_hook(self._before),
            register_module_forward_hook(self._after),
        ]
        return super().__enter__()  # type: ignore[no-any-return, no-untyped-call]

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def _before(self, module: nn.Module, args: Any) -> None:
        path = self.paths.get(id(module))
        if path is None:
            return
        given = tensors_in(args)
        if isinstance(module, _BatchNorm) and given and given[0].numel() == module.num_features:
            module.training = False  # torch rejects the statistics of one value per channel; use the stored ones
        call = Call(module, path, [shape_of(tensor) for tensor in given])
        self.here.steps.append(call)
        self.stack.append(call)

    def _after(self, module: nn.Module, args: Any, result: Any) -> None:
        if id(module) not in self.paths:
            return
        while len(self.stack) > 2 and self.here.module is not module:  # calls whose error the network caught
            self.stack.pop()
        call = self.stack.pop()
        call.outputs = tensors_in(result)
        if isinstance(module, nn.Linear) and len(args) == 1 and isinstance(result, Tensor):
            self._keep_axes(args[0], result)

    def _keep_axes(self, input: Tensor, output: Tensor) -> None:
        """Restore the axes after a dense layer, which works on the last axis; torch folds the others and loses them."""
        source = flow_of(input)
        if source.axes and input.dim() == output.dim():
            here = flow_of(output)
            mark(
                output,
                Flow(
                    source.at([*source.axes[:-1], None]).axes,
                    source.whole or source.axes[-1] is not None,
                    here.depends,
                    here.gradient,
                ),
            )

    def __torch_dispatch__(
        self, overload: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if types and any(is_traceable_wrapper_subclass_type(kind) for kind in types):
            return NotImplemented  # torch takes it apart, into operations on plain tensors
        if isinstance(overload, HigherOrderOperator):
            return self._higher_order(overload, args, kwargs)
        tensors = _tensors_of(args, kwargs)
        result = self.step.run(overload, args, kwargs, tensors)
        what = operation(overload)
        output = result if isinstance(result, Tensor) else _first_tensor(result)
        if output is None:
            return result
        done = Application(args, kwargs, output, tensors)
        flow = propagate(what.name, what.role, done)
        for tensor in [output] if output is result else _tensors_of((result,), {}):
            if flow.depends or flow.gradient:
                mark(tensor, flow)
        if what.in_place:
            self._mark_base(tensors, flow)
        if what.role not in {"view", "moving"}:
            self._record(what, done, flow)
        elif tensors and tensors[0].requires_grad:
            _name_after(output, tensors[0])
        return result

    def _mark_base(self, tensors: Sequence[Tensor], flow: Flow) -> None:
        """Let the tensor of which a part was written depend on what was written."""
        base = tensors[0]._base if tensors else None
        if base is not None and flow.depends and not flow_of(base).depends:
            mark(base, Flow((), flow.whole, True, flow.gradient))

    def _higher_order(self, operator: HigherOrderOperator, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run an operation on functions: of `torch.cond` the branch that is taken, of others all as one operation."""
        name: str = operator.name()  # type: ignore[no-untyped-call]
        if name == "cond":
            condition, taken, other, operands = args
            if isinstance(condition, Tensor) and not self.step.is_known(condition):
                raise ValuesNeededError("torch.cond takes a branch by a value")
            with _reentered(self):
                return (taken if condition else other)(*operands)
        tensors = _tensors_of(args, kwargs)
        result = self.step.run(operator, args, kwargs, tensors)
        output = result if isinstance(result, Tensor) else _first_tensor(result)
        if output is not None:
            done = Application(args, kwargs, output, tensors)
            what = higher_order_operation(name)
            flow = propagate(what.name, what.role, done)
            for tensor in _tensors_of((result,), {}):
                mark(tensor, flow)
            self._record(what, done, flow)
        return result

    def _record(self, what: Operation, done: Application, flow: Flow) -> None:
        macs = what.formula(done) if what.formula else 0
        receiving = sum(flow_of(tensor).gradient for tensor in done.tensors if tensor.dim() > 1) if macs else 0
        parameters = [parameter for tensor in done.tensors if (parameter := parameter_of(tensor)) is not None]
        self.here.steps.append(
            RecordedOperation(
                operation=what,
                output_shape=shape_of(done.output),
                output_bytes=done.output.numel() * done.output.element_size(),
                macs=macs,
                backward_macs=macs * receiving,
                other=other_operations(what, done) if flow.depends else 0,
                flow=flow,
                parameters=parameters,
                input_shapes=[shape_of(tensor) for tensor in done.tensors],
            )
        )


@contextmanager
def _reentered(trace: Trace) -> Iterator[None]:
    """Record the operations of the body, too, without the hooks of `Trace.__enter__`, which are still there."""
    TorchDispatchMode.__enter__(trace)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        TorchDispatchMode.__exit__(trace, None, None, None)  # type: ignore[no-untyped-call]


def parameter_of(tensor: Tensor) -> Tensor | None:
    """Return the parameter that a tensor is or is a view of, if any."""
    return tensor if isinstance(tensor, nn.Parameter) else getattr(tensor, "_convstudy_parameter", None)


def _name_after(view: Tensor, source: Tensor) -> None:
    parameter = parameter_of(source)
    if parameter is not None:
        view._convstudy_parameter = parameter  # type: ignore[attr-defined]


def _tensors_of(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
    found = []
    for arg in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(arg, Tensor):
            found.append(arg)
        elif isinstance(arg, (list, tuple)):
            found.extend(item for item in arg if isinstance(item, Tensor))
    return found


def _first_tensor(result: Any) -> Tensor | None:
    return (
        next((item for item in result if isinstance(item, Tensor)), None) if isinstance(result, (list, tuple)) else None
    )

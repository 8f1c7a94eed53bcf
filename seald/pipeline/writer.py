"""Who writes by a policy: the base model, the same under the policy's own LoRA, or a model elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from seald.domain.policy import Policy
from seald.domain.policy_version import number_of
from seald.pipeline.workshop import Workshop
from seald.ports import BASE, Sampling, Writer


@contextmanager
def writing(shop: Workshop, policy: Policy) -> Iterator[tuple[Writer, str]]:
    """The writer and what it calls the model. Inside, a learned policy's weights are loaded, once verified.

    Raises:
        IntegrityError: nobody vouches for a learned policy's files.
        NotFound, IllegalTransition: there is no such learned policy, or its weights were deleted.
        EngineUnavailable, EngineRefused: the engine does not take them.
        ConfigError: the key of a model elsewhere is not there.
    """
    number = number_of(policy.version)
    if number is not None:
        version = shop.policies.get(number)
        shop.policy_files.verify(version)
        with shop.trials.tried(version.engine_name, shop.policy_files.folder(number)) as name:
            yield shop.engine, name
    elif policy.writer is not None:
        yield shop.writers(policy.writer), policy.writer.model
    else:
        yield shop.engine, BASE


@contextmanager
def when_asked(shop: Workshop, policy: Policy) -> Iterator[Writer]:
    """`writing`, begun with the first question and kept until the end: weights that nobody asks are not loaded. The
    `model` of a question is then the one that `writing` names."""
    with ExitStack() as stack:
        yield _Late(shop, policy, stack)


class _Late:
    def __init__(self, shop: Workshop, policy: Policy, stack: ExitStack) -> None:
        self._shop = shop
        self._policy = policy
        self._stack = stack
        self._opened: tuple[Writer, str] | None = None

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:  # noqa: ARG002
        """As the port says, and as `writing` does where it begins."""
        if self._opened is None:
            self._opened = self._stack.enter_context(writing(self._shop, self._policy))
        writer, own = self._opened
        return writer.ask(questions, sampling, model=own)

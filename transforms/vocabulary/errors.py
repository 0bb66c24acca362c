"""The error tree, by what to do next.

LeadferryError
    ConfigurationError    mend the job file, the environment or the command; nothing was sent (exit 2)
        SourceError       mend the source, or wait for it; nothing was sent (exit 2)
    QualityGateError      mend the data; nothing was sent (exit 3)
    DeliveryError         the run stopped after sending began; resume it (exit 1)
        ServiceError      RingCX is out of reach; wait, then resume (exit 1)
    RunInterruptedError        somebody stopped the run; resume it (exit 130)
"""

from typing import ClassVar


class LeadferryError(Exception):
    """An error a person can act on: what is wrong, then the next step."""

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, next_step: str) -> None:
        """Take a stable code, a sentence saying what is wrong, and one saying what to do."""
        super().__init__(f"{message} {next_step}")
        self.code = code
        self.message = message
        self.next_step = next_step

    def __reduce__(self) -> tuple[type["LeadferryError"], tuple[str, str, str]]:
        """Pickle by the three parts, so that the error crosses process borders whole."""
        return type(self), (self.code, self.message, self.next_step)


class ConfigurationError(LeadferryError):
    """The job file, the environment or the command line is wrong; nothing was sent."""

    exit_code = 2


class SourceError(ConfigurationError):
    """The source is missing, unreadable or not as the job says; nothing was sent."""


class QualityGateError(LeadferryError):
    """The data broke a gate of the job; nothing was sent."""

    exit_code = 3


class DeliveryError(LeadferryError):
    """The run stopped after sending began; resuming it is safe."""

    exit_code = 1


class ServiceError(DeliveryError):
    """RingCX could not be reached, or did not answer as documented, for as long as the job waits."""


class RunInterruptedError(LeadferryError):
    """A person or the system asked the run to stop; resuming it is safe."""

    exit_code = 130

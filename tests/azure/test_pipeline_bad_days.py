"""Bad days of the whole pipeline, as a user meets them: what is said once, that nothing is half-made, and the next run.

docs/azure-bad-days.md is what the runs here say."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.azure.bad_day import BadDay
from tests.azure.conftest import echoing
from tests.azure.standin import Answer, Fault, StandIn, docker_registry
from tests.azure.standin.faults import expired_signature

pytestmark = [
    pytest.mark.engine,  # the stand-in's builds
    pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed"),
]
TASKS = "Microsoft.ContainerRegistry/registries/scheduleRun/action"
ENVIRONMENTS = "Microsoft.MachineLearningServices/workspaces/environments/write"
BUSY = "ServiceUnavailable: The service is temporarily unavailable."
STAYED = "Azure was asked too often or is busy, and stayed so"
WRONG_TENANT = (
    "The access token is from the wrong issuer 'https://sts.windows.net/one/'. It must match the tenant "
    "'https://sts.windows.net/another/' associated with this subscription."
)
PAGE_OF_A_NETWORK = Answer(200, b"<html>Please sign in</html>", {"Content-Type": "text/html"})
STRANGER = "a proxy or a network's own sign-in page stands between: sign in to it, or correct HTTPS_PROXY"
NO_ACCESS = "<Error><Code>AuthorizationFailure</Code><Message>This request is not authorized to perform this operation."


@dataclass(frozen=True)
class Case:
    """`edit`: what there is to do. `fault`: makes the day bad. The run says `said`, then the hint `mends`."""

    edit: tuple[str, ...]
    fault: Callable[[BadDay], object]
    said: str
    mends: str
    undone: Callable[[BadDay], object] = lambda day: None
    environ: Callable[[BadDay], Mapping[str, str]] = field(default=lambda day: {})


def refused(pattern: str, status: int, code: str, said: str, method: str | None = None) -> Callable[[BadDay], object]:
    return lambda day: day.azure.faults.refuse(pattern, status, code, said, method=method, times=None)


def busy(pattern: str) -> Callable[[BadDay], object]:
    return lambda day: day.azure.faults.unavailable(pattern, times=10**6)


def cut(pattern: str, method: str) -> Callable[[BadDay], object]:
    return lambda day: day.azure.faults.cut(pattern, method=method, times=None)


def answered(pattern: str, answer: Answer, method: str | None = None) -> Callable[[BadDay], object]:
    return lambda day: day.azure.faults.add(Fault(pattern, answer, method, None))


def ends(pattern: str, status: str, code: str, said: str) -> Callable[[BadDay], object]:
    return lambda day: day.azure.operations.end_next(pattern, status, code, said)


def sign_in_refused(said: str) -> Callable[[BadDay], object]:
    def refuse(day: BadDay) -> None:
        day.azure.tokens.refuse = said
        day.azure.tokens.expire()

    return refuse


def sign_in_mended(day: BadDay) -> None:
    day.azure.tokens.refuse = ""


def port(address: str) -> str:
    return address.rpartition(":")[2]


def nothing(day: BadDay) -> None: ...


BUILD, DEPLOY = ("base", "code"), ("code",)
CASES = {
    "nobody signed in": Case(
        BUILD,
        lambda day: day.sign_in("nobody"),
        "nobody is signed in to Azure (cloud StandIn)",
        "`az login`",
        lambda day: day.sign_in("service_principal"),
    ),
    "no such subscription": Case(
        DEPLOY,
        lambda day: day.write("pipeline.yaml", day.spec.replace("{resource_", "{subscription: other, resource_")),
        "subscription other is none of those that `az` is signed in to: ",
        "correct `workspace.subscription`, or `az login --tenant TENANT` for one of another tenant",
        lambda day: day.write("pipeline.yaml", day.spec),
    ),
    "admin user disabled": Case(
        DEPLOY,
        lambda day: day.write(
            "pipeline.yaml", day.spec.replace("workspace}", "acr, name: standinacr, sign_in: admin}")
        ),
        "registry standinacr: Admin user is disabled",
        "take `sign_in: admin` out (a token needs no admin user), or `az acr update -n standinacr ",
        lambda day: day.write("pipeline.yaml", day.spec),
    ),
    "expired sign-in": Case(
        BUILD,
        sign_in_refused("AADSTS700082: The refresh token has expired due to inactivity."),
        "is refused: AADSTS700082: The refresh token has expired",
        "`az login --tenant ",
        sign_in_mended,
    ),
    "wrong tenant": Case(
        DEPLOY,
        refused("/workspaces/demo", 401, "InvalidAuthenticationTokenTenant", WRONG_TENANT),
        "401 InvalidAuthenticationTokenTenant: ",
        "`az login --tenant another`",
    ),
    "403 of ACR Tasks": Case(
        BUILD,
        lambda day: day.azure.faults.forbidden("scheduleRun", TASKS, day.registry.id),
        "scheduleRun: 403 AuthorizationFailed: ",
        "the role 'Container Registry Tasks Contributor' is missing: `az role assignment create ",
    ),
    "403 of the workspace": Case(
        BUILD,
        lambda day: day.azure.faults.forbidden("/environments/", ENVIRONMENTS, day.workspace.id),
        ": 403 AuthorizationFailed: ",
        "the role 'AzureML Data Scientist' is missing: `az role assignment create ",
    ),
    "403 of the login server": Case(
        BUILD,
        lambda day: day.azure.faults.network_restricted(),
        "403 DENIED: client with IP '203.0.113.7' is not allowed access",
        "its firewall does not let this machine in: run inside its network, or let it in: `az acr network-rule add ",
    ),
    "401 of the login server": Case(
        BUILD,
        lambda day: day.azure.faults.login_refused(),
        "POST https://127.0.0.1:{registry}/oauth2/exchange: 401 UNAUTHORIZED: ",
        "the role 'AcrPush' is missing: `az role assignment create ",
    ),
    "404 of the group": Case(
        DEPLOY,
        lambda day: day.azure.azure.groups.clear(),
        "404 ResourceGroupNotFound: ",
        "correct `workspace.resource_group`; `az group list ",
        lambda day: day.azure.azure.groups.add((day.workspace.subscription.lower(), "rg")),
    ),
    "404 of the workspace": Case(
        DEPLOY,
        lambda day: day.azure.azure.workspaces.clear(),
        "404 ResourceNotFound: ",
        "correct `workspace:`; `az resource list ",
        lambda day: day.azure.azure.workspaces.update(demo=day.workspace),
    ),
    "404 of the registry": Case(
        BUILD,
        lambda day: day.azure.azure.registries.clear(),
        "registry 127.0.0.1:{registry} is not in subscription ",
        "`doit -t azure run -a -s resolve_registry` looks which one it is now",
        lambda day: day.azure.azure.registries.update(standinacr=day.registry),
    ),
    "409 of a deployment": Case(
        DEPLOY,
        refused("/deployments/", 409, "Conflict", "Another operation is in progress.", "PUT"),
        "409 Conflict: Another operation is in progress.; traffic is untouched: v-",
        "another operation works on it: wait for its end and run again",
    ),
    "409 of an environment": Case(
        BUILD,
        refused("/environments/", 409, "Conflict", "Another operation is in progress.", "PUT"),
        "409 Conflict: Another operation is in progress.",
        "another operation works on it: wait for its end and run again",
    ),
    "429 with a long Retry-After": Case(
        DEPLOY,
        lambda day: day.azure.faults.throttled("/codes/", times=10**6, retry_after=3600),
        "429 TooManyRequests: The request was throttled.",
        f"{STAYED}: run again in 60 min",
    ),
    "503 of a run": Case(BUILD, busy("scheduleRun"), f"scheduleRun: 503 {BUSY}", f"{STAYED}: run again later"),
    "503 of storage": Case(BUILD, busy("/source/"), f": 503 {BUSY}", f"{STAYED}: run again later"),
    "503 of the login server": Case(
        BUILD, busy("^/v2/.*/manifests/"), f": 503 {BUSY}", "the registry is busy or down, and stayed so: "
    ),
    "503 of the token exchange": Case(
        BUILD, busy("/oauth2/exchange"), f": 503 {BUSY}", "the registry is busy or down, and stayed so: "
    ),
    "503 of a deployment": Case(
        DEPLOY,
        busy("/deployments/"),
        f": 503 {BUSY} Please retry after some time.; traffic is untouched",
        f"{STAYED}: run again later",
    ),
    "quota": Case(
        DEPLOY,
        lambda day: day.azure.faults.quota(times=None),
        "400 BadRequest: The request is invalid. Not enough quota available for Standard_DS3_v2",
        "the subscription's cores for Standard_DS3_v2 machines in this region are used up: ask for more",
    ),
    "an operation that fails": Case(
        DEPLOY,
        ends("/deployments/", "Failed", "InternalServerError", "An internal error occurred."),
        "failed in Azure: InternalServerError: An internal error occurred.; traffic is untouched",
        "run again; if it stays so, `az monitor activity-log list -g rg ",
    ),
    "an operation that is cancelled": Case(
        DEPLOY,
        ends("/deployments/", "Canceled", "OperationCanceled", "The operation was canceled."),
        "was cancelled in Azure: OperationCanceled: The operation was canceled.; traffic is untouched",
        "somebody or something in Azure cancelled it: run again",
    ),
    "an upload address that always has expired": Case(
        BUILD,
        answered("/source/", expired_signature(), "PUT"),
        "403 AuthenticationFailed: ",
        "the address's signature has expired, or this machine's clock is wrong: run again",
    ),
    "a storage account's firewall": Case(
        DEPLOY,
        answered("/code/", Answer(403, f"{NO_ACCESS}</Message></Error>".encode()), "PUT"),
        "403 AuthorizationFailure: ",
        "its firewall does not let this machine in: run inside its network, or `az storage account network-rule add ",
    ),
    "a connection that breaks off": Case(
        BUILD, cut("/environments/", "PUT"), "the connection broke off", "run again: what is done stays done"
    ),
    "a network's own sign-in page": Case(
        BUILD,
        answered("/environments/", PAGE_OF_A_NETWORK),
        ": 200, but it is not Azure that answers",
        STRANGER,
    ),
    "the same, for storage": Case(
        BUILD, answered("/source/", PAGE_OF_A_NETWORK, "PUT"), ": 200, but it is not Azure that answers", STRANGER
    ),
    "a sign-in service that is busy": Case(
        BUILD,
        lambda day: (day.azure.tokens.expire(), busy("/oauth2/v2.0/token")(day)),
        "the sign-in service of cloud StandIn answers 503",
        "it is busy or down: run again in a minute; https://azure.status.microsoft",
    ),
    "no such host: management": Case(
        DEPLOY,
        nothing,
        "no such host: 127.0.0.1:{arm}",
        "127.0.0.1:{arm} is the Resource Manager of cloud StandIn (`az cloud show` names it); does this machine ",
        environ=lambda day: {"UNKNOWN_HOSTS": port(day.azure.url)},
    ),
    "no such host: registry": Case(
        BUILD,
        nothing,
        "127.0.0.1:{registry}/v2/: no such host",
        "is 127.0.0.1:{registry} spelled right, and is its network (VPN) up?",
        environ=lambda day: {"UNKNOWN_HOSTS": port(day.registry.login_server)},
    ),
    "no such host: storage": Case(
        ("model", "code"),
        nothing,
        "no such host: mlstorage.blob.localhost:{arm}",
        "mlstorage.blob.localhost:{arm} is a storage account, as Azure names it; does this machine resolve it ",
        environ=lambda day: {"UNKNOWN_HOSTS": "mlstorage.blob.localhost"},
    ),
    "no such host: scoring": Case(
        DEPLOY,
        lambda day: scoring(day, "scoring.localhost"),
        "does not answer as expected; traffic is untouched: v-",
        "does this machine resolve scoring.localhost:{arm} (VPN, private DNS zone), or must a proxy (HTTPS_PROXY)?",
        lambda day: scoring(day, "127.0.0.1"),
        lambda day: {"UNKNOWN_HOSTS": "scoring.localhost"},
    ),
    "a certificate for another name": Case(
        DEPLOY,
        lambda day: scoring(day, "scoring.localhost"),
        "does not answer as expected; traffic is untouched: v-",
        "another machine answers than scoring.localhost:{arm}: look at DNS, HTTPS_PROXY and the address",
        lambda day: scoring(day, "127.0.0.1"),
    ),
    "an authority that nobody knows": Case(
        DEPLOY,
        lambda day: day.write("other.pem", (day.azure.folder / "token.pem").read_text(encoding="utf-8")),
        "certificate not trusted: ",
        "point REQUESTS_CA_BUNDLE to a file with the CA that signs 127.0.0.1:{arm} ",
        environ=lambda day: {"REQUESTS_CA_BUNDLE": str(day.root / "other.pem")},
    ),
    "a bundle without a certificate": Case(
        DEPLOY,
        lambda day: day.write("other.pem", "nothing"),
        "the CA certificate bundle holds no certificate",
        "correct REQUESTS_CA_BUNDLE (or SSL_CERT_FILE, CURL_CA_BUNDLE), or unset it",
        environ=lambda day: {"REQUESTS_CA_BUNDLE": str(day.root / "other.pem")},
    ),
}
# each of these shows a way of its own from a refusal to the words; the others are variations
SHORT = (
    "403 of the login server",
    "503 of the token exchange",
    "409 of a deployment",
    "no such host: scoring",
    "quota",
)


def scoring(day: BadDay, host: str) -> None:
    properties = day.workspace.documents["onlineEndpoints/iris"]["properties"]
    properties["scoringUri"] = f"https://{host}:{port(day.azure.url)}/endpoints/iris/score"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BadDay]:
    """All has been deployed once."""
    with echoing() as url, StandIn() as azure:
        made = BadDay(tmp_path_factory.mktemp("bad"), azure, url)
        try:
            made.doit()
            yield made
        finally:
            listed = ["docker", "images", "--quiet", "--filter", f"label=dev.bedplate.project={made.project}"]
            images = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
            for image in set(images):
                subprocess.run(["docker", "rmi", "--force", image], capture_output=True, check=False)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in SHORT else pytest.mark.long) for n in CASES])
def test_a_bad_day_is_one_cause_with_its_next_step_and_the_next_run_goes_on(day: BadDay, name: str) -> None:
    case = CASES[name]
    day.edit(*case.edit)
    before = day.traffic
    case.fault(day)
    try:
        said = day.doit(code=1, **case.environ(day))
    finally:
        day.azure.faults.clear()
        case.undone(day)
    places = {"arm": port(day.azure.url), "registry": port(day.registry.login_server)}
    told, _, report = said.partition("FAILED  ")[2].partition("\nfailed: ")
    assert case.said.format(**places) in told, said
    hints = [line.strip() for line in told.splitlines() if line.startswith("      hint: ")]
    assert len(hints) == 1 and case.mends.format(**places) in hints[0], said
    assert "\ngo on with: doit " in report and "Traceback" not in said
    assert day.shown(said) == []
    assert day.traffic == before and day.deployments == list(before)
    assert "failed" not in day.doit()
    assert day.traffic != before and day.deployments == list(day.traffic)


@pytest.mark.parametrize("at", ["scheduleRun", "/logs/", "/environments/", "/deployments/"])
def test_tokens_that_are_withdrawn_in_the_middle_are_had_anew(
    day: BadDay, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    day.edit("base", "code")
    take, done = day.azure.faults.take, []

    def withdrawn(request):  # type: ignore[no-untyped-def]
        if at in request.path and not done:
            done.append(at)
            day.azure.tokens.expire()
            day.azure.registry_tokens.expire()
        return take(request)

    monkeypatch.setattr(day.azure.faults, "take", withdrawn)
    day.doit()
    assert done == [at]


PAGE = Path(__file__).parents[2] / "docs/azure-bad-days.md"
SHOWN = {
    "127.0.0.1:{registry}": "ml.azurecr.io",
    "mlstorage.blob.localhost:{arm}": "ACCOUNT.blob.core.windows.net",
    "scoring.localhost:{arm}": "scoring.azureml.ms",
    "127.0.0.1:{arm}": "management.azure.com",
    "203.0.113.7": "ADDRESS",
    "v-": "VERSION",
    "-g rg": "-g GROUP",
    "cloud StandIn": "cloud AzureCloud",
    "standinacr": "ml",
}


def row(name: str) -> str:
    """Its line of the page."""
    texts = [CASES[name].said, CASES[name].mends]
    for text, shown in SHOWN.items():
        texts = [one.replace(text, shown) for one in texts]
    said, mends = (one.strip(" :;,") for one in texts)
    mends += "...`" if mends.count("`") % 2 else ""
    return f"| {name} | {said} | {mends} |"


def test_the_page_says_what_a_run_says() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").split("\n\n## ")[0].splitlines() if line.startswith("| ")]
    assert rows[1:] == [row(name) for name in CASES]

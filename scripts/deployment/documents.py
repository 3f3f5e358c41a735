"""What README.md and docs/DEPLOYMENT.md both say."""

import tomllib

from .common import ROOT, check
from .compose import compose, settings
from .kubernetes import kubernetes


def table(path, head):
    text = (ROOT / path).read_text()
    return text[text.index(head) :].split("\n\n")[0]


@check
def ports_are_the_same_in_both_documents():
    head = "| port | protocol | for | key |"
    assert table("README.md", head) == table("docs/DEPLOYMENT.md", head), "README.md and docs/DEPLOYMENT.md name other ports"
    coturn = (ROOT / "config/coturn/turnserver.conf").read_text()
    for line in ["listening-port=3478", "tls-listening-port=5349", "min-port=49152", "max-port=65535"]:
        assert f"\n{line}\n" in coturn, f"config/coturn/turnserver.conf does not say {line}, which both documents do"


@check
def on_a_public_server_nobody_is_an_admin_by_being_the_first():
    files = {"systemd": (ROOT / "config/systemd/hubbub.toml").read_text()}
    files |= {name: documents["ConfigMap"]["data"]["hubbub.toml"] for name, documents in kubernetes()}
    for name, text in files.items():
        assert tomllib.loads(text)["auth"]["first_user_is_admin"] is False, f"{name}: strangers could be first"
    for name, variables in settings().items():
        first = compose(variables)["services"]["hubbub"]["environment"]["HUBBUB__AUTH__FIRST_USER_IS_ADMIN"]
        assert first == ("false" if name == "server" else "true"), f"Compose, {name}: {first}"
    chapters = (ROOT / "docs/DEPLOYMENT.md").read_text().split("\n## ")
    for heading in ["A binary and systemd", "Docker", "Kubernetes"]:
        chapter = next(text for text in chapters if text.startswith(f"{heading}\n"))
        assert "admin grant USER" in chapter, f"docs/DEPLOYMENT.md, {heading}: how somebody becomes an admin is not said"

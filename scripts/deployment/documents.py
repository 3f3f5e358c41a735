"""What README.md and docs/DEPLOYMENT.md both say."""

from .common import ROOT, check


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

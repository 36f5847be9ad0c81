"""What do the tests share? One thread, no network, a small policy of random weights."""

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as a worker has it
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")

import shutil
from pathlib import Path

import pytest
from handed_in import handed as handed
from making import make_policy
from small_board import small as small
from small_board import small_swept as small_swept


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama's folder."""
    return make_policy(tmp_path_factory.mktemp("policy"))


@pytest.fixture
def policy(llama: Path):
    """That Llama, loaded afresh."""
    from rewardbench.policies.load import load
    from rewardbench.policies.settings import open_folder

    return load(open_folder("llama", llama))


@pytest.fixture(scope="session")
def toy_policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama that is trained for 4, 12 or 30 steps."""
    steps = "[steps]\nquick = 4\ndefault = 12\nlong = 30\n"
    settings = 'kind = "full"\nlearning_rate = 1e-2\nP = 3\nK = 4\n' + steps
    return make_policy(tmp_path_factory.mktemp("toy"), settings=settings)


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for tasks of the test's own, beside the toy."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    roots = [str(Path(__file__).parent / "tasks"), str(folder)]
    monkeypatch.setenv("REWARDBENCH_TASKS", os.pathsep.join(roots))
    return folder


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy task can be found."""
    monkeypatch.setenv("REWARDBENCH_TASKS", str(Path(__file__).parent / "tasks"))


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for made-up files in a task's layout, which are taken whatever SHA-256 the published ones have."""
    from rewardbench import data

    named = data._named
    monkeypatch.setattr(data, "_named", lambda sources, place: {k: v for k, v in named(sources, place).items() if k != "sha256"})
    monkeypatch.setenv(data.VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def browser():
    """A Chromium that shows nothing; who asks for it (marker `browser`) fails where it is not installed."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        pytest.fail(f"no playwright: {error}")
    found = [p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))]
    if not found:
        pytest.fail("no Chromium on the path (apt-get install chromium)")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found[0], args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core, the script that looks for what keeps people out of a page."""
    try:
        import axe_playwright_python
    except ImportError as error:
        pytest.fail(f"no axe-playwright-python: {error}")
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


@pytest.fixture
def opened(browser, file: Path):
    """Opens the module's page as asked for; afterwards nothing may have been fetched and nothing complained of."""
    contexts, complaints = [], []

    def open_(address: str = "", **how):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **how})
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: r.url.partition("#")[0] == file.as_uri() or complaints.append(r.url))
        page.on("console", lambda m: complaints.append(m.text))
        page.on("pageerror", lambda e: complaints.append(str(e)))
        page.on("dialog", lambda d: complaints.append(d.message))
        page.goto(file.as_uri() + address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []

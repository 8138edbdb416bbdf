"""The page on which to try models: what it says of attention and likelihood, and the page itself in a real browser."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import metadata_load
from loopback_hub import LoopbackHub
from PIL import Image

from nanovlm_hf.describe import describe
from nanovlm_hf.hub.verify import problems_of
from nanovlm_hf.space.attention import draw_heat, look, nats_per_token, shuffle_patches

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")


def written(model, processor, picture, beginning="A little", length=6):
    """Pixels, ids of beginning and text, and how many were given."""
    inputs = processor(images=picture, text=beginning, return_tensors="pt")
    ids = model.generate(**inputs, max_new_tokens=length, min_new_tokens=length, do_sample=False)
    return inputs["pixel_values"], ids, inputs["input_ids"].shape[1]


@pytest.mark.parametrize("image_tokens", ["pooled", "patches"])
def test_a_words_map_is_the_attention_of_the_step_that_chose_it(make_model, make_processor, pictures, image_tokens):
    model = make_model(image_tokens)
    model.set_attn_implementation("eager")
    pixels, ids, given = written(model, make_processor(model), pictures[0])
    looks = look(model, pixels, ids, given)
    side = {"pooled": 2, "patches": 4}[image_tokens]
    assert looks.maps.shape == (6, side, side)
    for step in range(6):
        so_far = ids[:, : given + step]  # nothing of the token, nor of what follows it
        with torch.no_grad():
            attentions = model(input_ids=so_far, pixel_values=pixels, output_attentions=True).attentions
        on_slots = torch.stack(attentions)[:, 0, :, -1].mean((0, 1))[: side**2].numpy()
        assert looks.on_picture[step] == pytest.approx(on_slots.sum(), rel=1e-4)
        np.testing.assert_allclose(looks.maps[step].ravel(), on_slots / on_slots.sum(), rtol=1e-3)


def test_with_one_vector_for_the_picture_the_map_is_that_vectors_attention(make_model, make_processor, pictures):
    model = make_model("cls")
    model.set_attn_implementation("eager")
    pixels, ids, given = written(model, make_processor(model), pictures[0])
    looks = look(model, pixels, ids, given)
    with torch.no_grad():
        weights = model.vision_model(pixels, output_attentions=True).attentions[-1][0, :, 0, 1:].mean(0).numpy()
    assert looks.on_picture is None and looks.maps.shape == (1, 4, 4)
    np.testing.assert_allclose(looks.maps.ravel(), weights / weights.sum(), rtol=1e-3)


def test_the_heat_lies_where_the_map_is_highest():
    heat = np.zeros((4, 4))
    heat[0, 3] = 1.0
    drawn = draw_heat(Image.new("RGB", (1600, 800), "grey"), heat)
    assert drawn.size == (768, 384)
    bright = np.asarray(drawn).astype(int)
    red_and_green = bright[..., :2].sum(-1)
    y, x = np.unravel_index(red_and_green.argmax(), red_and_green.shape)
    assert y < 96 and x >= 576
    draw_heat(Image.new("RGB", (10, 10)), np.full((2, 2), 0.25))  # an even map is no division by nothing


def test_nats_per_token_are_the_models_loss_on_what_it_wrote(model, processor, pictures):
    pixels, ids, given = written(model, processor, pictures[0])
    labels = ids.clone()
    labels[:, :given] = -100
    with torch.no_grad():
        loss = model(input_ids=ids, pixel_values=pixels, labels=labels).loss.item()
    assert nats_per_token(model, pixels, ids, given) == pytest.approx(loss, rel=1e-5)
    assert nats_per_token(model, shuffle_patches(pixels, 16), ids, given) != pytest.approx(loss, rel=1e-5)


def test_shuffling_moves_whole_patches_and_changes_none():
    pixels = torch.arange(3 * 64 * 64, dtype=torch.float32).view(1, 3, 64, 64)

    def patches(pixels):
        return pixels.unfold(2, 16, 16).unfold(3, 16, 16).permute(0, 2, 3, 1, 4, 5).reshape(16, -1)

    before, after = patches(pixels), patches(shuffle_patches(pixels, 16))
    order = [next(i for i in range(16) if torch.equal(before[i], patch)) for patch in after]
    assert sorted(order) == list(range(16)) and order != list(range(16))
    assert torch.equal(shuffle_patches(pixels, 16), shuffle_patches(pixels, 16))


def test_the_space_is_ready_for_the_hub(tmp_path):
    """Pushed twice by its script, the second time changes nothing; it names the namespace's models."""
    card = metadata_load(ROOT / "nanovlm_hf" / "space" / "README.md")
    pinned = re.search(r"^gradio==(.+)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert pinned and card["sdk_version"] == pinned[1]  # the page is tested with what the Space runs
    with LoopbackHub() as hub:
        command = [sys.executable, str(ROOT / "push_scripts" / "push_space.py"), "--namespace", "org"]
        environment = {"PATH": "/usr/bin:/bin", **hub.environment(tmp_path / "hf")}

        def push(status=0):
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == status, done.stdout + done.stderr
            return done.stdout + done.stderr

        assert "Push the checkpoints first" in push(status=2) and not hub.repos
        hub.add("models/org/nanovlm-base", {}, private=True)
        output = push()
        assert "org/nanovlm-mini is left out" in output and "add a secret HF_TOKEN" in output
        assert "nothing to change" in push()
        files = hub.repos["spaces/org/nanovlm"].files()
    named = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert named == {**card, "models": ["org/nanovlm-base"]}
    assert sorted(name for name in files if name != ".gitattributes") == [
        "README.md",
        "app.py",
        "attention.py",
        "requirements.txt",
    ]
    folder = tmp_path / "space"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    assert problems_of(folder, "space") == []


@pytest.fixture(scope="module")
def address(model, processor):
    """The page, served on loopback, with two models."""
    pytest.importorskip("gradio", reason='the page needs pip install "nanovlm-hf[demo]"')
    from nanovlm_hf.space.app import make_page, show

    model.generation_config.update(max_new_tokens=8, min_new_tokens=8, do_sample=False)
    page = make_page({"nanovlm-tiny": (model, processor), "another": (model, processor)})
    _, url, _ = show(page, server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    yield url
    page.close()
    model.generation_config.update(min_new_tokens=None)
    model.set_attn_implementation("sdpa")


def test_words_are_those_of_the_text(processor):
    pytest.importorskip("gradio", reason='the page needs pip install "nanovlm-hf[demo]"')
    from nanovlm_hf.space.app import words_of

    text = " The little dog, a café and 3 kites."
    ids = processor.tokenizer(text, add_special_tokens=False)["input_ids"] + [processor.tokenizer.eos_token_id]
    words = words_of(processor.tokenizer, ids)
    assert len(words) == len(text.split())
    assert [word for word, _ in words][:3] == ["The", "little", "dog,"]
    assert sorted(place for _, places in words for place in places) == list(range(len(ids) - 1))


def test_the_page_can_be_called_by_programs(address, tmp_path, pictures, model, processor):
    from gradio_client import Client, handle_file

    pictures[0].save(tmp_path / "photo.png")
    pictures[1].save(tmp_path / "other.png")
    (tmp_path / "notes.png").write_text("These are notes, no picture.")
    client = Client(address, verbose=False)

    def call(picture, other=None):
        other = handle_file(str(tmp_path / other)) if other else None
        arguments = (handle_file(str(tmp_path / picture)), "another", "long", "A little ", other)
        return client.predict(*arguments, api_name="/describe")

    text, heat, _, note, table = call("photo.png", "other.png")[:5]
    assert text == describe(model, processor, pictures[:1], "A little", "long")[0]
    assert Image.open(heat if isinstance(heat, str) else heat["path"]).size == pictures[0].size
    assert "2x2 image tokens" in note and re.search(r"\d+% fell on the picture", note)
    assert re.findall(r"^\| (.+?) \| \d+\.\d\d \|", table, re.M) == [
        "this picture",
        "its patches in random order",
        "the other picture",
    ]
    arguments = [handle_file(str(tmp_path / "photo.png")), "another", "long", "A little ", None]
    streamed = client.submit(*arguments, api_name="/describe")
    assert streamed.result()[0] == text
    pieces = [output[0] for output in streamed.outputs()]
    assert len(pieces) > 3 and all(text.startswith(piece) for piece in pieces)
    with pytest.raises(Exception, match=r"notes\.png is not a readable picture"):
        call("notes.png")


@pytest.fixture
def browser():
    if not (CHROMIUM and DRIVER):
        pytest.skip("needs Chromium and its driver (Debian: chromium, chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    # All names but this machine's lead nowhere: the page must not need the network.
    offline = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", offline):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def test_in_a_browser_without_network(address, browser, tmp_path, pictures, model, processor):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    pictures[0].save(tmp_path / "photo.png")
    (tmp_path / "notes.png").write_text("These are notes, no picture.")
    wait = WebDriverWait(browser, 120)

    def find(selector):
        return wait.until(lambda browser: browser.find_element(By.CSS_SELECTOR, selector))

    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(address)

    find("#picture input[type=file]").send_keys(str(tmp_path / "notes.png"))
    wait.until(lambda browser: "notes.png is not a readable picture" in browser.page_source)
    assert str(tmp_path) not in browser.page_source and "/tmp/" not in find(".toast-wrap, .toast-body").text
    wait.until(lambda browser: not browser.find_elements(By.CSS_SELECTOR, "#picture img"))  # no broken one is left

    find("#picture input[type=file]").send_keys(str(tmp_path / "photo.png"))
    find("#likelihood table")
    text = find("#text textarea").get_attribute("value")
    assert text == describe(model, processor, pictures[:1], "", "short")[0]
    heat = find("#heat img")
    wait.until(lambda _: heat.get_property("naturalWidth") == pictures[0].width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390

    whole = heat.get_attribute("src")  # another map for a word
    word = find("#word input")
    word.click()
    word.send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    wait.until(lambda _: find("#heat img").get_attribute("src") != whole)

    find("button.label-wrap").click()  # the wrong file has left nothing behind: a second picture is read, too
    find("#other input[type=file]").send_keys(str(tmp_path / "photo.png"))
    find("#other img")
    find("#describe").click()
    wait.until(lambda _: "the other picture" in find("#likelihood").text)

    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]

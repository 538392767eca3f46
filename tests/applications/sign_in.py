"""A person at a browser: signs in on the hosted page, and allows what an application asks for."""

import shutil

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_SECONDS = 30
# The section that is shown, once its buttons can be used.
SHOWN = """
    const shown = document.querySelector("section:not([hidden])");
    return shown && !shown.querySelector("button").disabled ? shown.id : null;
"""


class Person:
    """A person with an account, at one browser."""

    def __init__(self, email, password):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options, service)
        self.email, self.password = email, password
        self.asked = []

    def close(self):
        self.driver.quit()

    def complaints(self):
        """Errors of the page, which a content security policy also reports here."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def visit(self, url, callback):
        """Opens an authorization request, does what the pages ask, and returns the URL of the callback."""
        self.asked = []
        self.driver.get(url)
        while not self.driver.current_url.startswith(callback):
            self.answer(callback)
        return self.driver.current_url

    def answer(self, callback):
        waiting = WebDriverWait(self.driver, PATIENCE_SECONDS)
        step = waiting.until(lambda _: self.step(callback))
        if step == "callback":
            return
        self.asked.append(step)
        section = self.driver.find_element(By.ID, step)
        if step == "sign-in":
            for name, value in (("email", self.email), ("password", self.password)):
                field = self.driver.find_element(By.ID, name)
                field.clear()
                field.send_keys(value)
            button = section.find_element(By.CSS_SELECTOR, "button[type=submit]")
        else:
            action = {"consent": "consent", "choose-account": "keep-account"}[step]
            button = section.find_element(By.CSS_SELECTOR, f"[data-action={action}]")
        button.click()
        waiting.until(lambda _: self.step(callback) != step)

    def step(self, callback):
        if self.driver.current_url.startswith(callback):
            return "callback"
        return self.driver.execute_script(SHOWN)

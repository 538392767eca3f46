// The interaction is in the fragment, which browsers do not send to servers.
const interaction = location.hash.slice(1);
const words = {
  openid: "know who you are",
  profile: "see your name, language and picture",
  email: "see your email address",
  offline_access: "keep its access while you are away",
  account: "manage your account",
};
const problems = {
  "invalid-credentials": "The address or the password is wrong.",
  "account-suspended": "This account is suspended. Contact the service.",
  "rate-limited": "There were too many attempts. Wait a moment, then try again.",
  "interaction-expired": "This sign-in has expired. Go back to the application and start again.",
  "invalid-token": "Your session has ended. Reload the page to sign in again.",
};
const find = (id) => document.getElementById(id);

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) {
    const slug = (answer.type ?? "").split("/").pop();
    throw new Error(problems[slug] ?? "Something went wrong. Try again.");
  }
  return answer;
}

function show(id) {
  for (const section of document.querySelectorAll("section")) section.hidden = section.id !== id;
  const empty = [...find(id).querySelectorAll("input")].find((input) => input.type !== "checkbox" && !input.value);
  (empty ?? find(id).querySelector("button"))?.focus();
}

function fail(error) {
  find("status").textContent = "";
  const problem = find("problem");
  problem.textContent = error instanceof TypeError ? "The service cannot be reached. Try again." : error.message;
  problem.hidden = false;
  problem.focus();
}

async function run(message, work) {
  const buttons = document.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  find("problem").hidden = true;
  find("status").textContent = message;
  try {
    const { continue: path } = await work();
    if (path) location.assign(path);
    else find("status").textContent = "";
  } catch (error) {
    fail(error);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

// Scopes with words of their own come first.
function inOrder(scopes) {
  const known = Object.keys(words);
  return [...known.filter((scope) => scopes.includes(scope)), ...scopes.filter((scope) => !known.includes(scope))];
}

function fill(shown) {
  for (const [name, value] of [["application", shown.application], ["account", shown.account], ["origin", shown.origin]]) {
    for (const element of document.querySelectorAll("." + name)) element.textContent = value ?? "";
  }
  for (const line of document.querySelectorAll(".origin-line")) line.hidden = !shown.origin;
  find("scopes").replaceChildren(
    ...inOrder(shown.scopes).map((scope) => {
      const item = document.createElement("li");
      item.textContent = words[scope] ?? scope;
      return item;
    }),
  );
  find("email").value = shown.login_hint ?? (shown.step === "authenticate" ? shown.account : "") ?? "";
}

const sections = {
  "sign-up": "sign-in",
  "sign-in": "sign-in",
  authenticate: "sign-in",
  "choose-account": "choose-account",
  consent: "consent",
};

await run("Loading…", async () => {
  const shown = await post("/v1/interactions", { interaction, action: "show" });
  fill(shown);
  if (sections[shown.step]) show(sections[shown.step]);
  return shown;
});

find("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  run("Signing in…", () =>
    post("/v1/sessions", {
      interaction,
      email: find("email").value,
      password: find("password").value,
      remember: find("remember").checked,
    }),
  );
});

for (const button of document.querySelectorAll("[data-action]")) {
  button.addEventListener("click", () =>
    run("One moment…", () => post("/v1/interactions", { interaction, action: button.dataset.action })),
  );
}

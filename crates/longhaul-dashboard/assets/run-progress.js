// <run-progress src="/progress/TOKEN"></run-progress>: how far one run is, on any page.
// It has no style of its own: the page styles `run-progress progress` and `run-progress p`. Each change is also an event
// `run-progress` with what was told in `detail`, and the state is in the attribute `state`.

const STATES = {
  pending: "Waiting", running: "Running", retrying: "Waiting for another try", suspended: "Paused",
  completed: "Done", failed: "Failed", cancelled: "Cancelled", incompatible: "Waiting",
};

class RunProgress extends HTMLElement {
  connectedCallback() {
    this.bar = document.createElement("progress");
    this.bar.setAttribute("aria-label", this.getAttribute("label") ?? "Progress");
    this.text = document.createElement("p");
    // Spoken when it changes, without interrupting.
    this.text.setAttribute("role", "status");
    this.replaceChildren(this.bar, this.text);
    this.stream = new EventSource(`${this.getAttribute("src")}/events`);
    this.stream.addEventListener("message", (event) => this.show(JSON.parse(event.data)));
    this.stream.addEventListener("ended", (event) => {
      this.stream.close();
      const told = JSON.parse(event.data);
      if (told.state) this.show(told);
    });
  }

  disconnectedCallback() {
    this.stream.close();
  }

  show(told) {
    const { state, progress } = told;
    this.setAttribute("state", state);
    this.bar.hidden = told.is_final && state !== "completed";
    if (state === "completed") {
      this.bar.value = this.bar.max = 1;
    } else if (progress?.total) {
      this.bar.max = progress.total;
      this.bar.value = progress.done;
    } else {
      this.bar.removeAttribute("value");
    }
    const parts = state === "running" && progress ? [progress.step || STATES.running] : [STATES[state] ?? state];
    if (!told.is_final && progress?.fraction != null) parts.push(`${Math.floor(progress.fraction * 100)} %`);
    if (!told.is_final && progress?.message) parts.push(progress.message);
    this.text.textContent = parts.join(" · ");
    this.dispatchEvent(new CustomEvent("run-progress", { detail: told, bubbles: true }));
  }
}

customElements.define("run-progress", RunProgress);

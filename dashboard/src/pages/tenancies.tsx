import { path } from "../api";
import { Failure } from "../components/failure";
import { Pages } from "../components/pages";
import { Search } from "../components/search";
import { StateMark } from "../components/state";
import type { Tenancies } from "../contract";
import { count } from "../format";
import { useResource } from "../resource";
import { href, replace } from "../route";

export function TenanciesPage({ params }: { params: URLSearchParams }) {
  const search = params.get("search") ?? "";
  const after = params.get("after") ?? "";
  const { value, error, reload } = useResource<Tenancies>(path(["tenancies"], { search, after }), 5000);
  return (
    <>
      <h1>Tenancies</h1>
      <form class="filters" role="search" onSubmit={(event) => { event.preventDefault(); }}>
        <Search label="Search projects" value={search} onSearch={(text) => { replace(href(["tenancies"], { search: text })); }} />
      </form>
      {error !== null && <Failure error={error} retry={reload} />}
      {!value && error === null && <p class="muted" role="status">Loading…</p>}
      {value?.tenancies.length === 0 && <p>No tenancy is of this name. <a href="#/tenancies">Show all</a></p>}
      {value && value.tenancies.length > 0 && <Table tenancies={value.tenancies} />}
      {value && <Pages page="tenancies" params={{ search }} isFirst={after === ""} after={value.after} />}
    </>
  );
}

function Table({ tenancies }: { tenancies: Tenancies["tenancies"] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Tenancies">
      <table class="cards">
        <thead><tr><th>Project</th><th>Branch</th><th>Name</th><th>State</th><th class="number">Databases of its own</th></tr></thead>
        <tbody>
          {tenancies.map(({ tenancy_id, project_id, branch_id, name, state, destinations }) => (
            <tr key={tenancy_id}>
              <th scope="row" data-label="Project"><a href={href(["tenancies", tenancy_id])}>{project_id}</a></th>
              <td data-label="Branch">{branch_id}</td>
              <td data-label="Name">{name}</td>
              <td data-label="State"><StateMark state={state} /></td>
              <td data-label="Databases of its own" class="number">{count(destinations)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

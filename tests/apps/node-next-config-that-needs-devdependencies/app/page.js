export default function Page() {
  return <p>a page whose settings need a devDependency</p>;
}
